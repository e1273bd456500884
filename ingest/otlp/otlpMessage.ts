// An ExportMetricsServiceRequest as one shape, whether it came as protobuf or as JSON: the fields of the OpenTelemetry
// protocol with their JSON names, whole numbers as text or number, all optional.

import protobuf from 'protobufjs'

export type AnyValue = {
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: number | string
  readonly doubleValue?: number | string
  readonly bytesValue?: string
  readonly arrayValue?: { readonly values?: readonly AnyValue[] }
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] }
}
export type KeyValue = { readonly key?: string; readonly value?: AnyValue }

type WholeNumber = number | string
export type Point = { readonly attributes?: readonly KeyValue[]; readonly startTimeUnixNano?: WholeNumber; readonly timeUnixNano?: WholeNumber; readonly flags?: number }
export type OtlpExemplar = {
  readonly filteredAttributes?: readonly KeyValue[]
  readonly timeUnixNano?: WholeNumber
  readonly asDouble?: number | string
  readonly asInt?: WholeNumber
  readonly traceId?: string
  readonly spanId?: string
}
export type NumberPoint = Point & { readonly asDouble?: number | string; readonly asInt?: WholeNumber; readonly exemplars?: readonly OtlpExemplar[] }
export type HistogramPoint = Point & {
  readonly count?: WholeNumber
  readonly sum?: number | string
  readonly bucketCounts?: readonly WholeNumber[]
  readonly explicitBounds?: readonly (number | string)[]
  readonly exemplars?: readonly OtlpExemplar[]
}
export type ExponentialBuckets = { readonly offset?: number; readonly bucketCounts?: readonly WholeNumber[] }
export type ExponentialPoint = Point & {
  readonly count?: WholeNumber
  readonly sum?: number | string
  readonly scale?: number
  readonly zeroCount?: WholeNumber
  readonly zeroThreshold?: number | string
  readonly positive?: ExponentialBuckets
  readonly negative?: ExponentialBuckets
  readonly exemplars?: readonly OtlpExemplar[]
}
export type SummaryPoint = Point & { readonly count?: WholeNumber; readonly sum?: number | string; readonly quantileValues?: readonly { readonly quantile?: number | string; readonly value?: number | string }[] }

/** See temporality.ts. */
type Temporality = number
export type Metric = {
  readonly name?: string
  readonly unit?: string
  readonly gauge?: { readonly dataPoints?: readonly NumberPoint[] }
  readonly sum?: { readonly dataPoints?: readonly NumberPoint[]; readonly aggregationTemporality?: Temporality; readonly isMonotonic?: boolean }
  readonly histogram?: { readonly dataPoints?: readonly HistogramPoint[]; readonly aggregationTemporality?: Temporality }
  readonly exponentialHistogram?: { readonly dataPoints?: readonly ExponentialPoint[]; readonly aggregationTemporality?: Temporality }
  readonly summary?: { readonly dataPoints?: readonly SummaryPoint[] }
}
export type Scope = { readonly name?: string; readonly version?: string; readonly attributes?: readonly KeyValue[] }
export type ScopeMetrics = { readonly scope?: Scope; readonly schemaUrl?: string; readonly metrics?: readonly Metric[] }
export type ResourceMetrics = { readonly resource?: { readonly attributes?: readonly KeyValue[] }; readonly scopeMetrics?: readonly ScopeMetrics[] }
export type OtlpRequest = { readonly resourceMetrics?: readonly ResourceMetrics[] }

const schema = protobuf.parse(`
  syntax = "proto3";
  enum AggregationTemporality { AGGREGATION_TEMPORALITY_UNSPECIFIED = 0; AGGREGATION_TEMPORALITY_DELTA = 1; AGGREGATION_TEMPORALITY_CUMULATIVE = 2; }
  message Request { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; string schema_url = 3; }
  message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
  message Metric { string name = 1; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; ExponentialHistogram exponential_histogram = 10; Summary summary = 11; } }
  message Gauge { repeated NumberDataPoint data_points = 1; }
  message Sum { repeated NumberDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2; bool is_monotonic = 3; }
  message Histogram { repeated HistogramDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2; }
  message ExponentialHistogram { repeated ExponentialHistogramDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2; }
  message Summary { repeated SummaryDataPoint data_points = 1; }
  message NumberDataPoint { repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; oneof value { double as_double = 4; sfixed64 as_int = 6; } repeated Exemplar exemplars = 5; uint32 flags = 8; }
  message HistogramDataPoint { repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7; repeated Exemplar exemplars = 8; uint32 flags = 10; }
  message ExponentialHistogramDataPoint { repeated KeyValue attributes = 1; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5; sint32 scale = 6; fixed64 zero_count = 7; Buckets positive = 8; Buckets negative = 9; uint32 flags = 10; repeated Exemplar exemplars = 11; double zero_threshold = 14; }
  message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }
  message SummaryDataPoint { repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; repeated ValueAtQuantile quantile_values = 6; uint32 flags = 8; }
  message ValueAtQuantile { double quantile = 1; double value = 2; }
  message Exemplar { repeated KeyValue filtered_attributes = 7; fixed64 time_unix_nano = 2; oneof value { double as_double = 3; sfixed64 as_int = 6; } bytes span_id = 4; bytes trace_id = 5; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
`)
const requestType = schema.root.lookupType('Request')

/** Throws when the bytes are no such message. */
export function decodeOtlpProtobuf(body: Uint8Array): OtlpRequest {
  return plainRequest(requestType.decode(body))
}

/** Throws when the text is no JSON, or not of the message's shape. */
export function decodeOtlpJson(body: Uint8Array): OtlpRequest {
  const parsed: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('expected an object')
  convertIds(parsed, 'hex', 'base64')
  return plainRequest(requestType.fromObject(parsed))
}

function plainRequest(message: protobuf.Message): OtlpRequest {
  const plain = requestType.toObject(message, { longs: String, bytes: String })
  convertIds(plain, 'base64', 'hex')
  return plain
}

/** The ids of exemplars are bytes, which JSON has as base64; but in OTLP's JSON they are hexadecimal. */
function convertIds(value: unknown, from: BufferEncoding, to: BufferEncoding): void {
  if (typeof value !== 'object' || value === null) return
  const entries: [string, unknown][] = Object.entries(value)
  for (const [key, inner] of entries) {
    if ((key === 'traceId' || key === 'spanId') && typeof inner === 'string') Object.assign(value, { [key]: Buffer.from(inner, from).toString(to) })
    else if (key !== 'attributes' && key !== 'filteredAttributes') convertIds(inner, from, to)
  }
}
