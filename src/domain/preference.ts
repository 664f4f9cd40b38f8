// Knows: which of two completions of one prompt a judge prefers, as a record.
import type { PreferenceId, ProjectId, PromptId, RowId, RunId } from './id.ts'
import type { PairVerdict } from './verdict.ts'

export interface Preference {
  readonly projectId: ProjectId
  readonly runId: RunId
  readonly id: PreferenceId
  readonly promptId: PromptId
  /** Index of the step that compared them. */
  readonly step: number
  readonly first: RowId
  readonly second: RowId
  /** Such as `helpfulness@1`. */
  readonly rubric: string
  readonly verdict: PairVerdict
}
