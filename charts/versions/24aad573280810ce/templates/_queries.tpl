{{/*
What AnalysisTemplates ask Prometheus. Each query answers with one number or, when there is too little traffic to tell, with
none. Limits are compared with what is beyond chance: each query takes the sampling error of its own counts off.
*/}}

{{/* What a counter of the canary's or the stable pods gained in the window: metric, pods (canary | stable), by, match. */}}
{{- define "model.gain" -}}
sum{{ with .by }} by ({{ . }}) {{ end }}(increase({{ .metric }}{pod_template_hash="{{ printf "{{args.%s-hash}}" .pods }}"{{ with .match }}, {{ . }}{{ end }}}[{{ "{{args.window}}" }}]))
{{- end }}

{{/* The normal quantile for one false alarm in twenty canaries, shared among all measurements: a table, rounded up. */}}
{{- define "model.z" -}}
{{- $looks := max 1 (mul (.Values.rollout.analysis.count | int64) (len .Values.rollout.steps)) -}}
{{- if le $looks 1 }}1.645{{ else if le $looks 2 }}1.960{{ else if le $looks 5 }}2.326{{ else if le $looks 10 }}2.576
{{- else if le $looks 20 }}2.807{{ else if le $looks 50 }}3.090{{ else if le $looks 100 }}3.291{{ else if le $looks 1000 }}3.891
{{- else }}4.892{{ end -}}
{{- end }}

{{/* Both conditions, each true only of one real number; otherwise neither holds and the measurement is inconclusive. */}}
{{- define "model.conditions" -}}
successCondition: len(result) == 1 && !isNaN(result[0]) && result[0] <= {{ . }}
failureCondition: len(result) == 1 && !isNaN(result[0]) && result[0] > {{ . }}
{{- end }}

{{/* Only if every count given has reached the minimum. */}}
{{- define "model.enough" -}}
{{- $root := .root -}}
{{- range .counts }} and on() ({{ . }} >= {{ $root.Values.rollout.analysis.min_requests | int64 }}){{ end -}}
{{- end }}

{{/* The canary's share of server errors, less the error of a share that is just at its limit. */}}
{{- define "model.errorRate" -}}
{{- $n := include "model.gain" (dict "metric" "model_requests_total" "pods" "canary") -}}
{{- $x := include "model.gain" (dict "metric" "model_requests_total" "pods" "canary" "match" `code=~"5.."`) -}}
{{- $limit := .Values.limits.error_rate | float64 -}}
clamp_min({{ $x }} / {{ $n }} - {{ include "model.z" . }} * sqrt({{ mulf $limit (subf 1.0 $limit) }} / {{ $n }}), 0)
{{- include "model.enough" (dict "root" . "counts" (list $n)) }}
{{- end }}

{{/* The 95th percentile of the canary's latency in seconds. */}}
{{- define "model.latency" -}}
{{- $n := include "model.gain" (dict "metric" "model_requests_total" "pods" "canary") -}}
histogram_quantile(0.95, {{ include "model.gain" (dict "metric" "model_request_seconds_bucket" "pods" "canary" "by" "le") }})
{{- include "model.enough" (dict "root" . "counts" (list $n)) }}
{{- end }}

{{/* The difference of two shares x/n - y/m beyond z of its standard error (pooled); x and y may be vectors. */}}
{{- define "model.beyond" -}}
{{- $n := printf "scalar(%s)" .n }}{{ $m := printf "scalar(%s)" .m -}}
{{- $pooled := printf "((%s + %s) / (%s + %s))" .x .y $n $m -}}
{{ .measure }}({{ .x }} / {{ $n }} - {{ .y }} / {{ $m }}) - {{ .z }} * sqrt({{ $pooled }} * (1 - {{ $pooled }}) * (1 / {{ $n }} + 1 / {{ $m }}))
{{- end }}

{{/* By how much the canary refuses more requests than the stable pods. */}}
{{- define "model.refusedRate" -}}
{{- $part := dict "z" (include "model.z" .) "measure" "" -}}
{{- range $key, $pods := dict "n" "canary" "m" "stable" }}
{{- $_ := set $part $key (include "model.gain" (dict "metric" "model_requests_total" "pods" $pods)) }}
{{- end }}
{{- range $key, $pods := dict "x" "canary" "y" "stable" }}
{{- $_ := set $part $key (include "model.gain" (dict "metric" "model_requests_total" "pods" $pods "match" `code=~"4.."`)) }}
{{- end -}}
clamp_min({{ include "model.beyond" $part }}, 0)
{{- include "model.enough" (dict "root" . "counts" (list $part.n $part.m)) }}
{{- end }}

{{/* Counts of both kinds of pods by a label, with a zero wherever only the other kind has the label's value. */}}
{{- define "model.matched" -}}
{{- $other := ternary "stable" "canary" (eq .pods "canary") -}}
({{ include "model.gain" . }} or 0 * {{ include "model.gain" (merge (dict "pods" $other) .) }})
{{- end }}

{{/* Rows are counted by the bins of their scores: each row that was scored is in one. */}}
{{- define "model.rows" -}}
{{ include "model.gain" (dict "metric" "model_score_bin_total" "pods" .) }}
{{- end }}

{{/*
PSI of the canary's scores against the stable pods', less what chance alone does: (1/n + 1/m) times the quantile of
chi-squared with bins - 1 degrees of freedom (Wilson and Hilferty, 1931). Half a row is added to a bin, bins without rows are
left out.
*/}}
{{- define "model.scorePsi" -}}
{{- $c := include "model.matched" (dict "metric" "model_score_bin_total" "by" "bin" "pods" "canary") -}}
{{- $s := include "model.matched" (dict "metric" "model_score_bin_total" "by" "bin" "pods" "stable") -}}
{{- $n := include "model.rows" "canary" }}{{ $m := include "model.rows" "stable" -}}
{{- $seen := printf "%s + %s > 0" $c $s -}}
{{- $p := printf "(%s + 0.5) / scalar(%s)" $c $n }}{{ $q := printf "(%s + 0.5) / scalar(%s)" $s $m -}}
{{- $df := printf "clamp_min(count(%s) - 1, 1)" $seen -}}
clamp_min(sum(({{ $p }} - {{ $q }}) * ln(({{ $p }}) / ({{ $q }})) and ({{ $seen }})) - (1 / {{ $n }} + 1 / {{ $m }}) * {{ $df }} * (1 - 2 / (9 * {{ $df }}) + {{ include "model.z" . }} * sqrt(2 / (9 * {{ $df }}))) ^ 3, 0)
{{- include "model.enough" (dict "root" . "counts" (list $n $m)) }}
{{- end }}

{{/* By how much the feature that changed most is missing more often; features of only one model are not compared. */}}
{{- define "model.nullRate" -}}
{{- $part := dict "z" (include "model.z" .) "measure" "" "n" (include "model.rows" "canary") "m" (include "model.rows" "stable") -}}
{{- range $key, $pods := dict "x" "canary" "y" "stable" }}
{{- $_ := set $part $key (include "model.gain" (dict "metric" "model_null_total" "pods" $pods "by" "feature")) }}
{{- end -}}
clamp_min(max({{ include "model.beyond" $part }}) or 0 * sum({{ $part.x }}), 0)
{{- include "model.enough" (dict "root" . "counts" (list $part.n $part.m)) }}
{{- end }}

{{/* By how much the class that changed most is predicted more or less often. */}}
{{- define "model.predictionRate" -}}
{{- $part := dict "z" (include "model.z" .) "measure" "abs" -}}
{{- range $key, $pods := dict "n" "canary" "m" "stable" }}
{{- $_ := set $part $key (include "model.gain" (dict "metric" "model_predictions_total" "pods" $pods)) }}
{{- end }}
{{- range $key, $pods := dict "x" "canary" "y" "stable" }}
{{- $_ := set $part $key (include "model.matched" (dict "metric" "model_predictions_total" "pods" $pods "by" "class")) }}
{{- end -}}
clamp_min(max({{ include "model.beyond" $part }}), 0)
{{- include "model.enough" (dict "root" . "counts" (list $part.n $part.m)) }}
{{- end }}

{{/* One metric on Prometheus: root, name, query, limit. */}}
{{- define "model.metric" -}}
{{- $analysis := .root.Values.rollout.analysis -}}
{{- $interval := include "model.seconds" $analysis.interval -}}
- name: {{ .name }}
  interval: {{ $interval }}s
  # A first measurement at once would find no traffic yet.
  initialDelay: {{ $interval }}s
  count: {{ $analysis.count | int64 }}
  failureLimit: 0
  # Only when no measurement at all could tell.
  inconclusiveLimit: {{ sub ($analysis.count | int64) 1 }}
  {{- include "model.conditions" .limit | nindent 2 }}
  provider:
    prometheus:
      address: {{ .root.Values.prometheus.address | quote }}
      timeout: 20
      query: >-
        {{ .query }}
{{- end }}

{{/* The head of an AnalysisTemplate: root, name. */}}
{{- define "model.analysisTemplate" -}}
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "model.labels" .root | nindent 4 }}
spec:
  args:
    - name: canary-hash
    - name: stable-hash
    - name: window
{{- end }}
