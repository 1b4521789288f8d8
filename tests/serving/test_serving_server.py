"""The server as its clients meet it: a real process on loopback that speaks the Open Inference Protocol V2."""

from __future__ import annotations

import concurrent.futures
import json
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import requests
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
from serving_models import GOOD, Server, Trained, environment, serving, tensors

from release.artifact.bins import Reference
from release.artifact.golden import GOLDEN, Golden

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = [{"name": "all", "datatype": "FP64", "shape": [2, 3], "data": [[30, 60.5, 1], [61, 80, 0]]}]
CODES = ("200", "400", "404", "405", "413", "500", "503")


def test_a_ready_server_says_what_it_serves(server: Server, mixed: Trained) -> None:
    """Liveness, readiness and metadata answer as V2 has them."""
    assert server.get("/v2/health/live").json() == {"live": True}
    assert server.get("/v2/health/ready").json() == {"ready": True}
    assert server.get("/v2/models/demo/ready").json() == {"name": "demo", "ready": True}
    assert set(server.get("/v2").json()) == {"name", "version", "extensions"}
    metadata = server.get("/v2/models/demo").json()
    assert metadata["name"] == "demo"
    assert [(one["name"], one["datatype"]) for one in metadata["inputs"]] == [(n, d) for n, (d, _) in GOOD.items()]
    assert [(one["name"], one["datatype"]) for one in metadata["outputs"]] == [("score", "FP64"), ("label", "BYTES")]


def test_a_request_is_answered_under_its_id(server: Server) -> None:
    """The response names model and request, and has one value a row."""
    answer = server.infer(tensors(), id="mine")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["model_name"], body["id"]) == ("demo", "mine")
    score, label = body["outputs"]
    assert (score["name"], score["datatype"], score["shape"], len(score["data"])) == ("score", "FP64", [2], 2)
    assert (label["name"], label["datatype"], label["shape"]) == ("label", "BYTES", [2])
    assert label["data"] == ["1" if value >= 0.5 else "0" for value in score["data"]]


def test_a_request_without_an_id_is_given_one(server: Server) -> None:
    """An id is optional in V2."""
    one, other = (server.infer(tensors(), **more).json() for more in ({}, {"id": None}))
    assert one["id"]
    assert other["id"]
    assert one["id"] != other["id"]
    assert one["outputs"] == other["outputs"]


def test_the_golden_rows_score_over_http_as_recorded(server: Server, mixed: Trained) -> None:
    """What was scored when the model was trained is what clients get."""
    golden = Golden.parse(mixed.files[GOLDEN])
    inputs = [
        {"name": name, "datatype": GOOD[name][0], "shape": [8], "data": [row[at] for row in golden.rows]}
        for at, name in enumerate(golden.columns)
    ]
    scores = server.infer(inputs).json()["outputs"][0]["data"]
    assert np.allclose(scores, [row[0] for row in golden.scores], rtol=1e-6)


def test_only_the_outputs_that_were_asked_for_are_sent(server: Server) -> None:
    """A request may name its outputs, and a wrong name is told."""
    some = server.infer(tensors(), outputs=[{"name": "label"}])
    assert [one["name"] for one in some.json()["outputs"]] == ["label"]
    wrong = server.infer(tensors(), outputs=[{"name": "labels"}])
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"error": 'output "labels": the model has no such output; ask for score or label'},
    )


def test_a_bare_nan_is_a_missing_value(server: Server) -> None:
    """Python clients write NaN, which is no JSON but means null."""
    inputs = tensors(dose={"data": [0.25, float("nan")]})
    answer = server.post(json.dumps({"inputs": inputs}))
    assert answer.json()["outputs"] == server.infer(tensors()).json()["outputs"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "the request is no JSON"),
        ("{", "the request is no JSON"),
        ("[" * 20_000, "the request is no JSON"),
        (b"\xff\xfe", "the request is no JSON"),
        ("[]", "the request: expected a JSON object"),
        ("{}", "inputs: expected a list"),
        ('{"inputs": {}}', "inputs: expected a list"),
        ('{"inputs": []}', "the request has no inputs"),
        ('{"inputs": [3]}', "inputs[0]: expected a JSON object"),
        ('{"inputs": [{"name": 3}]}', "inputs[0].name: expected a text"),
        ('{"inputs": [{"name": "age", "datatype": "INT64", "data": [1]}]}', 'input "age": shape: expected a list'),
        ('{"inputs": [{"name": "age", "shape": [-1], "datatype": "INT64", "data": [1]}]}', "whole numbers of 0 or more"),
        ('{"inputs": [{"name": "age", "shape": [1.5], "datatype": "INT64", "data": [1]}]}', "whole numbers of 0 or more"),
        ('{"inputs": [{"name": "age", "shape": [1], "data": [1]}]}', 'input "age": datatype: expected a text'),
        ('{"inputs": [{"name": "age", "shape": [1], "datatype": "INT64"}]}', 'input "age": data: expected a list'),
        ('{"id": 3, "inputs": []}', "id: expected a text"),
        ('{"inputs": [], "outputs": [3]}', "outputs[0]: expected a JSON object"),
        ('{"inputs": [], "parameters": 3}', "parameters: expected a JSON object"),
        ('{"inputs": [], "parameters": {"binary_data_output": true}}', "binary tensors are not supported"),
    ],
)
def test_what_is_no_request_is_refused_in_one_line(server: Server, body: str | bytes, said: str) -> None:
    """A request of another shape is 400 with the place in it, whatever it is."""
    answer = server.post(body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"age": None}, 'input "age": the request has no tensor for it'),
        ({"age": {"name": "agee"}}, 'did you mean "age"?'),
        ({"age": {"datatype": "BYTES"}}, 'input "age": the datatype is BYTES'),
        ({"age": {"data": [1]}}, 'input "age": it has 1 values'),
        ({"age": {"data": [None, 1]}}, 'input "age": value 1 is missing'),
        ({"age": {"data": [500, 1]}}, 'input "age": 500 is above'),
        ({"grade": {"data": ["x", "low"]}}, 'input "grade": "x" is not among its values'),
        ({"note": {"data": [{}, "a"]}}, 'input "note": '),
        ({"dose": {"data": [[[1]], 2]}}, 'input "dose": '),
    ],
)
def test_what_breaks_the_contract_is_400_naming_the_column(server: Server, change: dict[str, Any], said: str) -> None:
    """Bad values are the client's mistake, never a server error."""
    answer = server.infer(tensors(**change))
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_strange_headers_do_no_harm(server: Server) -> None:
    """Content types and cloud-event headers change nothing; the binary extension is refused, since it is not offered."""
    body = json.dumps({"inputs": tensors()})
    cloud = {"ce-id": "1", "ce-source": "x", "ce-type": "y", "ce-specversion": "1.0"}
    for headers in ({"Content-Type": "application/octet-stream"}, {"Content-Type": "application/cloudevents+json"}, cloud):
        assert server.post(body, **headers).status_code == 200
    binary = server.post(body, **{"Inference-Header-Content-Length": "nonsense"})
    assert (binary.status_code, binary.json()["error"]) == (400, "binary tensors are not supported; send JSON, or use gRPC")


def test_other_models_methods_and_paths_are_refused(server: Server) -> None:
    """Nothing but V2 is offered; above all nobody can unload the model."""
    assert server.post("{}", "/v2/models/other/infer").status_code == 404
    assert server.get("/v2/models/other").status_code == 404
    wrong = server.get("/v2/models/demo/infer")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    for path in ("/v2/repository/models/demo/unload", "/v2/repository/models/demo/load", "/v1/models/demo:predict"):
        assert server.post("{}", path).status_code == 404
    for path in ("/", "/docs", "/openapi.json", "/v1/models", "/v2/models/demo/versions/1"):
        assert server.get(path).status_code == 404
    assert server.infer(tensors()).status_code == 200


def test_a_body_that_is_too_large_is_413(server: Server) -> None:
    """A server of 512 MiB must not read what it cannot hold."""
    assert server.post(b" " * (64 * 1024 * 1024 + 1)).status_code == 413


def test_metrics_name_the_model_and_start_at_zero(costs: Trained) -> None:
    """Every series exists before its first request, with the pod-template hash on it; a regression's rows have no class."""
    with serving(costs, POD_TEMPLATE_HASH="h7") as fresh:
        lines = [line for line in fresh.get("/metrics").text.splitlines() if line.startswith("model_")]
        info = next(line for line in lines if line.startswith("model_info"))
        for label in (f'model_digest="{costs.digest}"', 'image_digest="sha256:image"', 'version="7"'):
            assert label in info
        assert all('pod_template_hash="h7"' in line for line in lines)
        counters = [line for line in lines if line.partition("{")[0].endswith(("_total", "_count"))]
        assert counters
        assert {line.rpartition(" ")[2] for line in counters} == {"0.0"}
        for code in CODES:
            assert f'model_requests_total{{code="{code}",pod_template_hash="h7"}} 0.0' in lines
        (prediction,) = fresh.infer(BLOCK).json()["outputs"]
        assert (prediction["name"], prediction["shape"]) == ("prediction", [2])
        assert fresh.metric('model_predictions_total{class="",pod_template_hash="h7"}') == 2


def gained(server: Server, before: dict[str, float]) -> dict[str, float]:
    """Return the series that grew, and by how much."""
    after = server.metrics()
    return {name: after[name] - before[name] for name in after if after[name] > before[name]}


def test_requests_and_rows_are_counted(server: Server, mixed: Trained) -> None:
    """Status codes, latency, bins of features and scores, missing values and classes all move with the traffic."""
    reference = Reference.parse(mixed.files["reference.json"])
    before = server.metrics()
    answer = server.infer(tensors()).json()
    server.post("{}")
    server.post("{}", "/v2/models/other/infer")
    grew = gained(server, before)
    codes = {name: count for name, count in grew.items() if name.startswith("model_requests_total")}
    hashed = 'pod_template_hash="abc"'
    assert codes == {f'model_requests_total{{code="{code}",{hashed}}}': 1 for code in ("200", "400", "404")}
    assert grew[f"model_request_seconds_count{{{hashed}}}"] == 3
    nulls = {name: count for name, count in grew.items() if name.startswith("model_null_total")}
    assert nulls == {f'model_null_total{{feature="{name}",{hashed}}}': 1 for name in ("dose", "note")}
    assert grew[f'model_feature_bin_total{{bin="high",feature="grade",{hashed}}}'] == 1
    labels = answer["outputs"][1]["data"]
    for name in set(labels):
        assert grew[f'model_predictions_total{{class="{name}",{hashed}}}'] == labels.count(name)
    age = next(bins for bins in reference.features if bins.name == "age")
    for bins, values, series in (
        (age, [30, 61], f'model_feature_bin_total{{bin="%s",feature="age",{hashed}}}'),
        (reference.score, answer["outputs"][0]["data"], f'model_score_bin_total{{bin="%s",{hashed}}}'),
    ):
        expected = np.bincount(np.searchsorted(bins.edges, values), minlength=len(bins.labels))
        assert [grew.get(series % label, 0) for label in bins.labels] == expected.tolist()


def test_one_row_and_many_are_counted_alike(server: Server, mixed: Trained) -> None:
    """Rows land in the same bins whether they come one by one or together."""
    golden = Golden.parse(mixed.files[GOLDEN])

    def counted(*requests_: list[Any]) -> dict[str, float]:
        before = server.metrics()
        for rows in requests_:
            inputs = [
                {"name": name, "datatype": GOOD[name][0], "shape": [len(rows)], "data": [row[at] for row in rows]}
                for at, name in enumerate(golden.columns)
            ]
            assert server.infer(inputs).status_code == 200
        grew = gained(server, before)
        return {name: count for name, count in grew.items() if "_bin_total{" in name or "model_null_total{" in name}

    together = counted(list(golden.rows))
    assert sum(count for name, count in together.items() if name.startswith("model_score_bin")) == 8
    assert counted(*([row] for row in golden.rows)) == together


def test_probes_are_answered_while_a_large_batch_is_predicted(server: Server) -> None:
    """Predicting happens off the event loop."""
    rows = 60_000
    inputs = [
        {"name": name, "datatype": datatype, "shape": [rows], "data": [data[0]] * rows}
        for name, (datatype, data) in GOOD.items()
    ]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        batch = pool.submit(server.infer, inputs)
        probes = 0
        while not batch.done():
            assert server.get("/v2/health/live").status_code == 200
            probes += 1
        assert batch.result().status_code == 200
    assert len(batch.result().json()["outputs"][0]["data"]) == rows
    assert probes > 1


@pytest.fixture(scope="module")
def choosing(classes: Trained) -> Iterator[Server]:
    """Give a running server of a model of three classes."""
    with serving(classes) as running:
        yield running


def test_three_classes_are_served_too(choosing: Server) -> None:
    """Probabilities have a column for each class; numbers may come in one tensor."""
    before = choosing.metrics()
    probabilities, label = choosing.infer(BLOCK).json()["outputs"]
    assert probabilities["shape"] == [2, 3]
    assert np.allclose(np.reshape(probabilities["data"], (2, 3)).sum(axis=1), 1)
    assert set(label["data"]) <= {"a", "b", "c"}
    grew = gained(choosing, before)
    assert sum(count for name, count in grew.items() if name.startswith("model_score_bin_total")) == 2


@pytest.fixture
def stub(server: Server) -> Iterator[GRPCInferenceServiceStub]:
    """Connect to the server's gRPC port."""
    with grpc.insecure_channel(server.grpc) as channel:
        yield GRPCInferenceServiceStub(channel)


def asked(**change: Any) -> pb.ModelInferRequest:
    """Return the two good rows as gRPC has them, where nothing can be null."""
    fields = {"INT64": "int64_contents", "FP64": "fp64_contents", "BOOL": "bool_contents", "BYTES": "bytes_contents"}
    request = pb.ModelInferRequest(model_name="demo", id="g1")
    data = {"dose": [0.25, float("nan")], "grade": [b"low", b"high"], "note": [b"slept well", b"no pain"], **change}
    for name, (datatype, values) in GOOD.items():
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[2])
        getattr(tensor.contents, fields[datatype]).extend(data.get(name, values))
    return request


def test_grpc_answers_as_rest_does(server: Server, stub: GRPCInferenceServiceStub) -> None:
    """The same rows score the same, and are counted with the others."""
    series = 'model_requests_total{code="200",pod_template_hash="abc"}'
    before = server.metric(series)
    answer = stub.ModelInfer(asked())
    assert server.metric(series) == before + 1
    rest = server.infer(tensors(note={"data": ["slept well", "no pain"]})).json()
    assert (answer.id, answer.model_name) == ("g1", "demo")
    assert list(answer.outputs[0].contents.fp64_contents) == rest["outputs"][0]["data"]
    assert [one.decode() for one in answer.outputs[1].contents.bytes_contents] == rest["outputs"][1]["data"]
    assert stub.ModelReady(pb.ModelReadyRequest(name="demo")).ready
    assert [one.name for one in stub.ModelMetadata(pb.ModelMetadataRequest(name="demo")).inputs] == list(GOOD)


def test_grpc_takes_raw_tensors(choosing: Server) -> None:
    """Clients of gRPC send raw bytes, and get them back."""
    block = np.array([[30, 60.5, 1], [61, 80, 0]])
    request = pb.ModelInferRequest(model_name="demo", raw_input_contents=[block.tobytes()])
    request.inputs.add(name="all", datatype="FP64", shape=[2, 3])
    with grpc.insecure_channel(choosing.grpc) as channel:
        answer = GRPCInferenceServiceStub(channel).ModelInfer(request)
        assert answer.id
        assert np.frombuffer(answer.raw_output_contents[0]).reshape(2, 3).sum(axis=1) == pytest.approx([1, 1])
        request.raw_input_contents[0] = block.tobytes()[:-1]
        with pytest.raises(grpc.RpcError) as caught:
            GRPCInferenceServiceStub(channel).ModelInfer(request)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert choosing.metric('model_requests_total{code="400",pod_template_hash="abc"}') == 1


def test_grpc_refuses_in_the_same_words(stub: GRPCInferenceServiceStub) -> None:
    """A wrong value is an invalid argument that names the column."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(asked(grade=[b"low", b"lowest"]))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert 'input "grade": "lowest" is not among its values' in caught.value.details()


def test_no_accepted_request_is_lost_on_sigterm(mixed: Trained) -> None:
    """Clients on new connections are all answered until the port is closed, and the server ends well."""
    body = json.dumps({"inputs": tensors()})
    lost: list[str] = []
    answered: list[int] = []

    def client(server: Server) -> None:
        while True:
            try:
                answer = server.post(body, Connection="close")
            except requests.ConnectionError as error:
                # A closed port accepts nothing; anything else was accepted and lost.
                if "refused" not in str(error):
                    lost.append(str(error))
                return
            answered.append(answer.status_code)

    with serving(mixed, DRAIN_SECONDS="0.5") as server, concurrent.futures.ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(client, server) for _ in range(6)]
        while len(answered) < 60:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        concurrent.futures.wait(clients)
        assert server.process.wait(30) == 0
    assert lost == []
    assert set(answered) == {200}


def test_a_draining_server_says_so_and_ends_its_connections(mixed: Trained) -> None:
    """Told to stop, it is no longer ready, but answers, and asks clients to come back on another connection."""
    with serving(mixed, DRAIN_SECONDS="3") as server, requests.Session() as kept:
        url = f"{server.url}/v2/models/demo/infer"
        before = kept.post(url, json={"inputs": tensors()}, timeout=30)
        assert before.headers.get("connection") != "close"
        server.process.send_signal(signal.SIGTERM)
        while server.get("/v2/health/ready").status_code == 200:
            time.sleep(0.02)
        assert server.get("/v2/health/live").status_code == 200
        during = kept.post(url, json={"inputs": tensors()}, timeout=30)
        assert (during.status_code, during.headers["connection"]) == (200, "close")
        assert server.process.wait(30) == 0


def test_a_request_under_way_is_answered_when_the_server_stops(mixed: Trained) -> None:
    """What was accepted before the signal is answered after it, by REST and without a drain."""
    rows = 60_000
    inputs = [
        {"name": name, "datatype": datatype, "shape": [rows], "data": [data[0]] * rows}
        for name, (datatype, data) in GOOD.items()
    ]
    body = json.dumps({"inputs": inputs}).encode()
    with serving(mixed) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST /v2/models/demo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            server.process.send_signal(signal.SIGTERM)
            received = b""
            while chunk := connection.recv(1 << 20):
                received += chunk
        assert server.process.wait(30) == 0
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b'"1"') + received.count(b'"0"') == rows


def refused(env: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", "release.serving"], env=env, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


def test_a_server_that_must_not_serve_ends_with_one_line(mixed: Trained, classes: Trained, tmp_path: Path) -> None:
    """The wrong digest, none at all, no model, or a port that is no number: one line and the exit code of its kind."""
    code, said = refused({**environment(mixed), "MODEL_DIGEST": classes.digest})
    assert (code, said.count("\n")) == (3, 1)
    assert said.startswith(f"error: {mixed.folder}: the model's digest is {mixed.digest}, not {classes.digest}")
    assert refused({**environment(mixed), "MODEL_DIGEST": ""}) == (
        2,
        "error: MODEL_DIGEST: it is not set; set it to the digest of the model in the image\n",
    )
    code, said = refused({**environment(mixed), "MODEL_DIR": str(tmp_path / "none")})
    assert code == 2
    assert "the model cannot be read" in said
    code, said = refused({**environment(mixed), "HTTP_PORT": "http"})
    assert (code, said) == (2, "error: HTTP_PORT: 'http' is no number; set a number, or leave it out\n")
