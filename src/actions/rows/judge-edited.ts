// Knows: how edited rows are judged again: by the judge's model, with the rubric of their run, stored with the edit.
import { rubricOfSettings } from '../../pipeline/judging/rubric.ts'
import { makeCast, type Turns } from '../../domain/cast.ts'
import type { ProjectId, RowId } from '../../domain/id.ts'
import { refOf } from '../../domain/model-card.ts'
import { accept, refuse, type Checked } from '../../domain/problem.ts'
import { effectiveText, type HandEdit, type Row } from '../../domain/row.ts'
import type { Run } from '../../domain/run.ts'
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { withVerdict, type Verdict } from '../../domain/verdict.ts'
import { judgeText } from '../../pipeline/judging/judge-program.ts'
import { checkRecipeText } from '../../pipeline/recipes/check-recipe.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import { guardQuota } from '../../storage/quota.ts'
import { readRows, writeRows } from '../../storage/rows.ts'
import { controlOf } from '../executing/control-of.ts'
import { Executor } from '../executing/executor.ts'
import { openJournal } from '../executing/open-journal.ts'
import { ModelSwaps } from '../executing/model-swaps.ts'
import { RoleModels, teacherModel } from '../executing/role-models.ts'
import type { Machines } from '../machines.ts'
import { streamProgress } from '../stream-progress.ts'

export interface JudgeProgress {
  readonly done: number
  readonly total: number
}
export interface JudgeEdited {
  readonly projectId: ProjectId
  /** The run that the rows belong to. */
  readonly run: Run
  readonly rowIds: readonly RowId[]
  /** The loaded teacher, which judges if `judge` is absent. */
  readonly teacher?: TeacherDescription
  /** The own model of the role that judged them. */
  readonly judge?: TeacherDescription
  readonly turns?: Turns
}

const sameTexts = (a: HandEdit, b: HandEdit | undefined): boolean =>
  a.prompt === b?.prompt && a.completion === b.completion

/**
 * Judges the edited texts of these rows; rows without an edit are skipped. A row's status stays as it is: a person decided on it.
 * Returns the changed rows, or why none can be judged. An edit made meanwhile keeps no verdict of the earlier text.
 */
export async function* judgeEdited(
  machines: Pick<Machines, 'db' | 'teacher' | 'models' | 'now'>,
  { projectId, run, rowIds, teacher, judge: ownJudge, turns }: JudgeEdited,
  signal: AbortSignal,
): AsyncGenerator<JudgeProgress, Checked<readonly Row[]>> {
  const checked = checkRecipeText(run.recipeText)
  if (!checked.ok)
    return refuse({
      sentence: `The recipe of this run cannot be read, so its rubric is not known. ${checked.problems[0]?.sentence ?? ''}`,
    })
  const { judge } = readSteps(checked.value)
  if (judge === undefined)
    return refuse({ sentence: 'The recipe of this run has no judge, so its rows have no scores.' })
  const judging = ownJudge ?? teacher
  if (judging === undefined)
    return refuse({ sentence: 'No model is loaded that can judge. Load one on the Teacher screen.' })
  const { card, capabilities, contextLength } = judging
  if (!capabilities.scores || !capabilities.chat)
    return refuse({ sentence: `${card.name} cannot judge. Load another model on the Teacher screen.` })
  const rows = (await readRows(machines.db, projectId, rowIds)).filter((row) => row.edit !== undefined)
  const results = new Map<string, Verdict>()
  yield* streamProgress<JudgeProgress, null>(
    async (report) => {
      report({ done: 0, total: rows.length })
      const { control, release } = controlOf(signal)
      const role = judge.settings.by
      const model = teacherModel(machines.models.of(ownJudge ? role : 'teacher'), judging)
      const executor = new Executor({
        models: new RoleModels(() => model, {
          swaps:
            turns && new ModelSwaps(machines, makeCast(judging, ownJudge ? [[role, ownJudge]] : [], turns)),
        }),
        journal: openJournal(machines.db, projectId, run.id, 'The verdicts'),
        control,
      })
      const made = {
        rubric: rubricOfSettings(judge.settings),
        judge: refOf(card),
        settings: judge.settings,
        contextLength,
        role,
      }
      // The verdicts before a stop are stored.
      await executor.each<Row, never, Verdict>({
        items: rows,
        program: (row) => judgeText(row.id, { ...effectiveText(row), earlier: row.earlier }, made),
        onEnd: (row, verdict) => {
          results.set(row.id, verdict)
          report({ done: results.size, total: rows.length })
        },
        // One bad row does not stop the others.
        onFailure: (row, reason) => {
          const { rubric } = made
          results.set(row.id, { kind: 'unreadable', rubric: rubric.name, judge: made.judge, reason })
          report({ done: results.size, total: rows.length })
        },
      })
      release()
      return null
    },
    () => undefined,
  )
  const changes = new Map<RowId, (row: Row) => Row>()
  for (const row of rows) {
    const verdict = results.get(row.id)
    const { edit } = row
    if (verdict === undefined || edit === undefined) continue
    changes.set(row.id, (stored) =>
      stored.edit && sameTexts(edit, stored.edit)
        ? {
            ...stored,
            edit: { ...stored.edit, verdicts: withVerdict(stored.edit.verdicts, judge.index, verdict) },
          }
        : stored,
    )
  }
  return accept(await guardQuota('The verdicts', () => writeRows(machines.db, projectId, [], changes)))
}
