// What the test of series that ended and its child process have in common.

import { labelsFrom, type Labels } from '../../storage/model/labels.ts'

/** Their rows are deleted in two transactions. */
export const endedPods = 9_000

export function podLabels(pod: number): Labels {
  return labelsFrom({ __name__: 'pod', job: 'app', number: String(pod) })
}
