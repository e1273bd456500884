// The queries of the query benches: those of the example dashboard and its rules, and what Node Exporter Full and
// Kubernetes dashboards ask, one kind each.

export type BenchQuery = {
  readonly name: string
  readonly text: string
}

export const benchQueries: readonly BenchQuery[] = [
  { name: 'latency p95', text: 'histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))' },
  { name: 'latency p95 by instance', text: 'histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le, instance)) > 0.1' },
  { name: 'inference p95 by model', text: 'histogram_quantile(0.95, sum(rate(ml_inference_duration_seconds_bucket[5m])) by (le, model_name))' },
  { name: 'request rate', text: 'sum(rate(http_requests_total[5m]))' },
  { name: 'error ratio by instance', text: 'sum(rate(http_requests_total{status=~"5.."}[5m])) by (instance) / sum(rate(http_requests_total[5m])) by (instance) > 0.01' },
  { name: 'redis hit ratio', text: 'redis_keyspace_hits_total / (redis_keyspace_hits_total + redis_keyspace_misses_total) * 100' },
  { name: 'cpu busy by instance', text: '100 - (avg by(instance) (irate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)' },
  { name: 'cpu by instance and mode', text: 'sum by (instance, mode) (rate(node_cpu_seconds_total[5m]))' },
  { name: 'memory used', text: '(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes) / node_memory_MemTotal_bytes * 100' },
  { name: 'filesystem used', text: '(node_filesystem_size_bytes - node_filesystem_avail_bytes) / node_filesystem_size_bytes > 0.05' },
  { name: 'network bits', text: 'rate(node_network_receive_bytes_total{device!~"lo|veth.*"}[5m]) * 8' },
  { name: 'top pods', text: 'topk(5, sum by (pod) (rate(container_cpu_usage_seconds_total[5m])))' },
  { name: 'hourly increase', text: 'sum by (namespace) (increase(container_cpu_usage_seconds_total[1h]))' },
  { name: 'hourly mean load', text: 'avg_over_time(node_load1[1h])' },
  { name: 'hourly peak memory', text: 'max by (namespace) (max_over_time(container_memory_working_set_bytes[1h]))' },
  { name: 'subquery peak rate', text: 'max_over_time(sum(rate(http_requests_total[5m]))[30m:1m])' },
  { name: 'names by regex', text: 'sum by (instance) ({__name__=~"node_memory_(Mem|Buf).*", instance=~"node-[0-2].*"})' },
  { name: 'join pods to nodes', text: 'sum by (node) (rate(container_cpu_usage_seconds_total[5m]) * on (namespace, pod) group_left (node) kube_pod_info)' },
  { name: 'join hosts to names', text: 'node_load5 * on (instance) group_left (nodename) node_uname_info' },
  { name: 'one series', text: 'rate(node_network_receive_bytes_total{instance="node-07.example.internal:9100",device="eth0"}[5m])' },
]

/** What Grafana asks to fill a variable: a path behind /api/v1/. */
export const labelQueries: readonly BenchQuery[] = [
  { name: 'label_values(instance)', text: 'label/instance/values' },
  { name: 'label_values(metric, instance)', text: 'label/instance/values?match[]=node_cpu_seconds_total' },
  { name: 'label_values(metric{...}, pod)', text: 'label/pod/values?match[]=container_cpu_usage_seconds_total{namespace=~"team-1.*"}' },
]
