"""The description of an object inside a skops file, rebuilt in its one canonical form, nothing taken over unread.

One walk serves writing and reading: every node must be of a known kind and an allowed type, and only the fields that kind
has are copied. Object ids go (values are kept, never identities: which objects happen to be shared differs between
processes), dictionaries and sets are ordered, arrays are named by their first appearance and stored once. Constructing
objects is skops' business.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from release.artifact import npy, trees
from release.artifact.allowed import ALLOWED, FIXED_ATTRIBUTES, KEY_TYPES
from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from release.artifact.npy import Array
    from release.artifact.storedzip import Buffer, Limits

Node = dict[str, Any]

SCHEMA = "schema.json"
PROTOCOL = 2
NEIGHBOUR_TREES = frozenset({"KDTree", "BallTree"})
QUERY_COUNTERS = slice(7, 11)
"""Where the state of a neighbour tree counts the queries it has answered, which is no part of the model."""


class Rebuilder:
    """One walk over a file's description. `files` are its arrays as found; afterwards `arrays` holds those it uses.

    `versions` collects the scikit-learn versions that estimators were trained with.
    """

    def __init__(self, files: Mapping[str, Buffer], *, limits: Limits) -> None:
        """Start with nothing rebuilt."""
        self.arrays: dict[str, bytes] = {}
        self.versions: set[str] = set()
        self._files = files
        self._limits = limits
        self._depth = 0
        self._expanded = 0
        self._renamed: dict[str, str] = {}
        self._stored: dict[bytes, str] = {}
        self._kinds: dict[str, Callable[[Node], Node]] = {
            "JsonNode": self._json,
            "DictNode": self._dict,
            "ListNode": self._items,
            "TupleNode": self._items,
            "SetNode": self._set,
            "SliceNode": self._slice,
            "NdArrayNode": self._array,
            "SparseMatrixNode": self._sparse,
            "DTypeNode": self._wrapped,
            "TypeNode": self._bare,
            "FunctionNode": self._bare,
            "PartialNode": self._partial,
            "ObjectNode": self._object,
            "TreeNode": self._tree,
            "LossNode": self._reduced,
        }

    def document(self, found: object) -> bytes:
        """Return the canonical `schema.json` of a parsed one.

        Raises SecurityRefusalError for a type or a shape that is not allowed.
        """
        if not isinstance(found, dict) or repr(found.get("protocol")) != repr(PROTOCOL):  # True is no protocol
            raise SecurityRefusalError(f"its description is not in the skops protocol {PROTOCOL}")
        root = self.node(found)
        root |= {"protocol": PROTOCOL, "_skops_version": _typed(found["_skops_version"], str)}
        return json.dumps(root, sort_keys=True, separators=(",", ":")).encode()

    def check_all_used(self) -> None:
        """Raise SecurityRefusalError when the file has arrays that nothing refers to."""
        unused = sorted(set(self._files) - set(self._renamed))
        if unused:
            raise SecurityRefusalError(f"the entry {unused[0]} is unknown: nothing in the model refers to it")

    def node(self, found: object) -> Node:
        """Rebuild one node and all below it."""
        if not isinstance(found, dict) or "__loader__" not in found:
            raise SecurityRefusalError("its description is malformed")
        kind, name = found["__loader__"], f"{found.get('__module__')}.{found.get('__class__')}"
        if kind == "NdArrayNode" and name == "numpy.memmap":  # what a training process that shares memory leaves behind
            name = "numpy.ndarray"
        if name not in ALLOWED.get(kind, ()):
            raise SecurityRefusalError(
                f"it holds {name[:100]} ({str(kind)[:40]}), which is not on the list of allowed types"
            )
        if self._depth >= self._limits.depth:
            raise SecurityRefusalError(f"its description is nested more than {self._limits.depth} deep")
        self._depth += 1
        module, _, short = name.rpartition(".")
        rebuilt = {"__class__": short, "__module__": module, "__loader__": kind, **self._kinds[kind](found)}
        self._depth -= 1
        return rebuilt

    def _json(self, found: Node) -> Node:
        value = json.loads(_typed(found["content"], str))
        if not isinstance(value, str | int | float | None):
            raise SecurityRefusalError("a plain value is not plain")
        return {"content": json.dumps(value), "is_json": True}

    def _dict(self, found: Node) -> Node:
        return self._pairs(found, {})

    def _pairs(self, found: Node, fixed: Mapping[str, object]) -> Node:
        """Rebuild a dictionary, its keys in order; values named in `fixed` are replaced."""
        pairs, kinds = _typed(found["content"], dict), _typed(found["key_types"]["content"], list)
        if len(pairs) != len(kinds):
            raise SecurityRefusalError("a dictionary has keys without types")
        content, types = {}, []
        for (key, value), kind in sorted(zip(pairs.items(), kinds, strict=True), key=lambda pair: pair[0][0]):
            name = f"{kind['__module__']}.{kind['__class__']}"
            types.append(self.node(kind))
            if name not in KEY_TYPES or (name == "builtins.int" and str(int(key)) != key):
                raise SecurityRefusalError(
                    f"a dictionary has a key of type {name[:100]}; only text and whole numbers are allowed"
                )
            content[key] = _scalar(fixed[key]) if key in fixed else self.node(value)
        return {"content": content, "key_types": self.node({**found["key_types"], "content": []}) | {"content": types}}

    def _items(self, found: Node) -> Node:
        return {"content": [self.node(item) for item in _typed(found["content"], list)]}

    def _set(self, found: Node) -> Node:
        return {"content": sorted(self._items(found)["content"], key=lambda item: json.dumps(item, sort_keys=True))}

    def _slice(self, found: Node) -> Node:
        ends = {name: found["content"][name] for name in ("start", "stop", "step")}
        if not all(end is None or type(end) is int for end in ends.values()):
            raise SecurityRefusalError("a slice is not between whole numbers")
        return {"content": ends}

    def _bare(self, _found: Node) -> Node:
        return {}

    def _wrapped(self, found: Node) -> Node:
        return {"content": self.node(found["content"])}

    def _partial(self, found: Node) -> Node:
        return {"content": {part: self.node(found["content"][part]) for part in ("func", "args", "kwds", "namespace")}}

    def _object(self, found: Node) -> Node:
        """Rebuild an object; what its attributes say of the training run is replaced."""
        state = found.get("content")
        if state is None:
            return {}
        if isinstance(state, dict) and state.get("__loader__") == "DictNode":
            rebuilt = self.node({**state, "content": {}, "key_types": {**state["key_types"], "content": []}})
            rebuilt |= self._pairs(state, FIXED_ATTRIBUTES)
            version = rebuilt["content"].get("_sklearn_version")
            if version is not None:
                self.versions.add(str(json.loads(version["content"])))
            return {"content": rebuilt}
        rebuilt = self.node(state)
        if found["__class__"] in NEIGHBOUR_TREES:
            rebuilt["content"][QUERY_COUNTERS] = [_scalar(0)] * 4
        return {"content": rebuilt}

    def _reduced(self, found: Node) -> Node:
        return {"__reduce__": {"args": self.node(found["__reduce__"]["args"])}, "content": self.node(found["content"])}

    def _tree(self, found: Node) -> Node:
        """Rebuild a decision tree, checked first: its compiled constructor believes the counts it is given."""
        rebuilt = self._reduced(found)
        features, classes, outputs = rebuilt["__reduce__"]["args"]["content"]
        state = rebuilt["content"]["content"]
        trees.check_tree(
            nodes=self._read(state["nodes"]),
            values=self._read(state["values"]),
            node_count=json.loads(state["node_count"]["content"]),
            max_depth=json.loads(state["max_depth"]["content"]),
            n_features=json.loads(features["content"]),
            n_classes=self._read(classes),
            n_outputs=json.loads(outputs["content"]),
        )
        return rebuilt

    def _read(self, rebuilt: Node) -> Array:
        """Return the array of a node that has been rebuilt."""
        return npy.read_npy(self.arrays[rebuilt["file"]])

    def _array(self, found: Node) -> Node:
        if found["type"] == "json" and found["__class__"] == "ndarray":
            shape = self.node(found["shape"])
            return {"type": "json", "shape": shape, **self._items(found)}
        if found["type"] != "numpy":
            raise SecurityRefusalError("an array is stored in an unknown way")
        file = self._file(found, "npy", lambda body: npy.write_npy(npy.read_npy(body)))
        if found["__class__"] not in {"ndarray", "memmap"} and npy.read_npy(self.arrays[file]).shape != ():
            raise SecurityRefusalError("a number is stored as an array of many")
        return {"type": "numpy", "file": file}

    def _sparse(self, found: Node) -> Node:
        file = self._file(found, "npz", lambda body: npy.write_csr(npy.read_csr(body, self._limits)))
        return {"type": "scipy", "file": file}

    def _file(self, found: Node, suffix: str, rewrite: Callable[[Buffer], bytes]) -> str:
        """Keep the file that a node names in its canonical form, once however often it is named; return its new name."""
        name = _typed(found["file"], str)
        if name not in self._files or not name.endswith(suffix):
            raise SecurityRefusalError(f"it refers to {name[:40]!r}, which is not there")
        if name not in self._renamed:
            body = rewrite(self._files[name])
            key = hashlib.sha256(body).digest()
            self._renamed[name] = self._stored.setdefault(key, f"{len(self._stored)}.{suffix}")
            self.arrays[self._renamed[name]] = body
        self._expanded += len(self._files[name])
        if self._expanded > self._limits.expanded:
            raise SecurityRefusalError(f"its arrays expand to more than {self._limits.expanded} bytes (a zip bomb?)")
        return self._renamed[name]


def _scalar(value: object) -> Node:
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise SecurityRefusalError(f"its description is malformed: {kind.__name__} expected")
    return value
