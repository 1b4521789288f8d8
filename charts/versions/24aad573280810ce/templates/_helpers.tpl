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

{{/* The AnalysisTemplates; metrics of the first speak of the server, of the second of the model. */}}
{{- define "model.serverAnalysis" -}}
{{ include "model.fullname" . }}-server
{{- end }}

{{- define "model.modelAnalysis" -}}
{{ include "model.fullname" . }}-model
{{- end }}

{{- define "model.replay" -}}
{{ include "model.fullname" . }}-replay
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

{{/* How long a canary step lasts, in seconds: as long as all its measurements take, the first of which waits for one interval. */}}
{{- define "model.stepSeconds" -}}
{{- with .Values.rollout.analysis -}}
{{- mul (include "model.seconds" .interval | int64) (.count | int64) -}}
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

{{/* Not empty when an autoscaler decides on the number of pods; a retired model has none to decide on. */}}
{{- define "model.autoscaled" -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.serving.replicas) 0) -}}true{{- end -}}
{{- end }}

{{- define "model.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "model.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "model.pullSecrets" -}}
{{- range .Values.image.pull_secrets }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
