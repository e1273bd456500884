// Name, argument types and result type of every PromQL function, as of Prometheus 3.14. The type check and `/parse_query`
// read it; what a function does stands in `functions/`, one file per family.

import type { ValueType } from './ast.ts'

export type FunctionSignature = {
  readonly name: string
  readonly argTypes: readonly ValueType[]
  /** 0: exactly these arguments. n: the last may be left out or given up to n times. -1: any number of times. */
  readonly variadic: number
  readonly returnType: ValueType
  /** Needs the feature `promql-experimental-functions`. */
  readonly experimental: boolean
}

const table = new Map<string, FunctionSignature>()

type Options = { readonly variadic?: number; readonly returnType?: ValueType; readonly experimental?: boolean }

function declare(names: string, argTypes: readonly ValueType[], options: Options = {}): void {
  for (const name of names.split(' ')) {
    table.set(name, { name, argTypes, variadic: options.variadic ?? 0, returnType: options.returnType ?? 'vector', experimental: options.experimental ?? false })
  }
}

const experimental = true

declare('abs ceil floor exp sqrt ln log2 log10 sgn sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad', ['vector'])
declare('absent sort sort_desc timestamp', ['vector'])
declare('scalar', ['vector'], { returnType: 'scalar' })
declare('vector', ['scalar'])
declare('time pi', [], { returnType: 'scalar' })
declare('clamp', ['vector', 'scalar', 'scalar'])
declare('clamp_min clamp_max', ['vector', 'scalar'])
declare('round', ['vector', 'scalar'], { variadic: 1 })
declare('minute hour day_of_week day_of_month day_of_year days_in_month month year', ['vector'], { variadic: 1 })
declare('label_replace', ['vector', 'string', 'string', 'string', 'string'])
declare('label_join', ['vector', 'string', 'string', 'string'], { variadic: -1 })
declare('sort_by_label sort_by_label_desc', ['vector', 'string'], { variadic: -1, experimental })
declare('histogram_count histogram_sum histogram_avg histogram_stddev histogram_stdvar', ['vector'])
declare('histogram_quantile', ['scalar', 'vector'])
declare('histogram_quantiles', ['vector', 'string', 'scalar', 'scalar'], { variadic: 9, experimental })
declare('histogram_fraction', ['scalar', 'scalar', 'vector'])
declare('info', ['vector', 'vector'], { variadic: 1, experimental })
declare('start end step range', [], { returnType: 'scalar', experimental })
declare('min_of max_of', ['scalar', 'scalar'], { returnType: 'scalar', experimental })
declare('start_timestamp', ['vector'], { experimental })

declare('rate increase delta irate idelta resets changes deriv', ['matrix'])
declare('avg_over_time sum_over_time min_over_time max_over_time count_over_time stddev_over_time stdvar_over_time', ['matrix'])
declare('first_over_time last_over_time present_over_time absent_over_time', ['matrix'])
declare('mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_min_over_time ts_of_max_over_time', ['matrix'], { experimental })
declare('predict_linear', ['matrix', 'scalar'])
declare('quantile_over_time', ['scalar', 'matrix'])
declare('double_exponential_smoothing', ['matrix', 'scalar', 'scalar'], { experimental })

export const functionSignatures: ReadonlyMap<string, FunctionSignature> = table
