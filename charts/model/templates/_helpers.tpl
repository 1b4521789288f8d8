{{/* One helper for each identity; templates spell no name out. A Helm release name is at most 53 characters, so suffixes fit. */}}

{{- define "model.fullname" -}}
{{ .Release.Name }}
{{- end }}

{{- define "model.stableService" -}}
{{ include "model.fullname" . }}-stable
{{- end }}

{{- define "model.canaryService" -}}
{{ include "model.fullname" . }}-canary
{{- end }}

{{- define "model.serviceAccount" -}}
{{ include "model.fullname" . }}
{{- end }}

{{- define "model.image" -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- end }}

{{/* Immutable: neither a release nor an upgrade of the chart may change them. */}}
{{- define "model.selectorLabels" -}}
app.kubernetes.io/name: {{ .Values.model.name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Of objects, not of pods: a new chart version or a new tool must restart nothing. */}}
{{- define "model.labels" -}}
{{ include "model.selectorLabels" . }}
app.kubernetes.io/component: server
app.kubernetes.io/part-of: model-release
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.model.version }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
{{- end }}

{{/* A duration such as 30s, 5m, 1h or 1d as a number of seconds; Argo Rollouts does not know d. */}}
{{- define "model.seconds" -}}
{{- $units := dict "s" 1 "m" 60 "h" 3600 "d" 86400 -}}
{{- mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[smhd]$" .)) -}}
{{- end }}

{{/* How long a canary step lasts: as long as all its measurements take. */}}
{{- define "model.stepDuration" -}}
{{- with .Values.rollout.analysis -}}
{{- mul (include "model.seconds" .interval | int64) (.count | int64) -}}s
{{- end -}}
{{- end }}

{{/* A Service by root, name and which pods it means. */}}
{{- define "model.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "model.labels" .root | nindent 4 }}
    model-release/pods: {{ .pods }}
spec:
  selector:
    {{- include "model.selectorLabels" .root | nindent 4 }}
  ports:
    - name: http
      port: 80
      targetPort: http
      protocol: TCP
{{- end }}
