{{- define "reconciler.name" -}}
{{ .Release.Name }}
{{- end }}

{{- define "reconciler.selectorLabels" -}}
app.kubernetes.io/name: reconciler
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "reconciler.labels" -}}
{{ include "reconciler.selectorLabels" . }}
app.kubernetes.io/component: reconciler
app.kubernetes.io/part-of: model-release
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{- define "reconciler.image" -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- end }}

{{- define "reconciler.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Git is configured by variables alone: the file system is read-only, and the token stays in its mounted file. */}}
{{- define "reconciler.git" -}}
- {name: HOME, value: /work}
- {name: GIT_TERMINAL_PROMPT, value: "0"}
- {name: GIT_CONFIG_COUNT, value: "1"}
- {name: GIT_CONFIG_KEY_0, value: credential.helper}
# Read only: the plain helper would try to write back what worked.
- name: GIT_CONFIG_VALUE_0
  value: '!answer() { test "$1" != get || git credential-store --file /etc/release/git/git-credentials get; }; answer'
- {name: GIT_AUTHOR_NAME, value: {{ .Values.git.name | quote }}}
- {name: GIT_AUTHOR_EMAIL, value: {{ .Values.git.email | quote }}}
- {name: GIT_COMMITTER_NAME, value: {{ .Values.git.name | quote }}}
- {name: GIT_COMMITTER_EMAIL, value: {{ .Values.git.email | quote }}}
{{- if include "reconciler.ca" . }}
- {name: GIT_SSL_CAINFO, value: /etc/release/ca/ca.crt}
- {name: REQUESTS_CA_BUNDLE, value: /etc/release/ca/ca.crt}
{{- end }}
{{- end }}

{{/* Where the certificates come from, as a volume's source; nothing where the image's own are trusted. */}}
{{- define "reconciler.ca" -}}
{{- with .Values.ca }}
{{- if .config_map -}}
configMap: {name: {{ .config_map | quote }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
{{- else if .secret -}}
secret: {secretName: {{ .secret | quote }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end }}

{{/* The forge; its repository is that of origin unless another is named. */}}
{{- define "reconciler.forge" -}}
{{- with .Values.forge }}
{{- if .secret -}}
- name: RELEASE_FORGE_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .secret | quote }}, key: token}
- {name: RELEASE_FORGE, value: {{ .api | quote }}}
{{- with .repository }}
- {name: RELEASE_FORGE_REPOSITORY, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "reconciler.mounts" -}}
- {name: work, mountPath: /work}
- {name: tmp, mountPath: /tmp}
- {name: git, mountPath: /etc/release/git, readOnly: true}
{{- if include "reconciler.ca" . }}
- {name: ca, mountPath: /etc/release/ca, readOnly: true}
{{- end }}
{{- end }}
