// The protobuf exposition format, written and read the slow and obvious way with the stock library.

import protobuf from 'protobufjs'

const familyType = protobuf.parse(`
  syntax = "proto2";
  message MetricFamily { optional string name = 1; optional string help = 2; optional int32 type = 3; repeated Metric metric = 4; optional string unit = 5; }
  message Metric {
    repeated LabelPair label = 1; optional Value gauge = 2; optional Value counter = 3; optional Summary summary = 4; optional Value untyped = 5;
    optional int64 timestamp_ms = 6; optional Histogram histogram = 7;
  }
  message LabelPair { optional string name = 1; optional string value = 2; }
  message Value { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp start_timestamp = 3; }
  message Summary { optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Quantile quantile = 3; optional Timestamp start_timestamp = 4; }
  message Quantile { optional double quantile = 1; optional double value = 2; }
  message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
  message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
  message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; optional Exemplar exemplar = 3; optional double cumulative_count_float = 4; }
  message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
  message Histogram {
    optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Bucket bucket = 3; optional double sample_count_float = 4; optional sint32 schema = 5;
    optional double zero_threshold = 6; optional uint64 zero_count = 7; optional double zero_count_float = 8;
    repeated BucketSpan negative_span = 9; repeated sint64 negative_delta = 10; repeated double negative_count = 11;
    repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13; repeated double positive_count = 14; optional Timestamp start_timestamp = 15;
  }
`).root.lookupType('MetricFamily')

/** Plain objects of MetricFamily messages, each behind its length. */
export function protobufBody(families: readonly object[]): Uint8Array {
  return Buffer.concat(families.map((family) => familyType.encodeDelimited(familyType.fromObject(family)).finish()))
}

/** The other way round; numbers are numbers, what is not there is left out. */
export function readFamilies(body: Uint8Array): object[] {
  const reader = protobuf.Reader.create(body)
  const families: object[] = []
  while (reader.pos < reader.len) families.push(familyType.toObject(familyType.decodeDelimited(reader), { longs: Number }))
  return families
}
