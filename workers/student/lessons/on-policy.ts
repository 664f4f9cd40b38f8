// Knows: how a student learns from its own answers and what the teacher says of each of their tokens (GKD, Agarwal et al. 2023), in turn
// with texts and the teacher's stored probabilities. As in TRL, chance decides for each step which of the two it is.
// Must not know: where rows are stored, how the teacher is reached, the loss (engine/training/distillation.ts).
import { makeRng } from '../../../src/domain/rng.ts'
import type { OnPolicyTrainSettings } from '../../../src/domain/student.ts'
import {
  countPredictions,
  makeBatch,
  packRows,
  positionsOf,
  type PackedRow,
  type TeacherRow,
} from '../../../src/engine/training/packing.ts'
import type { Trainer } from '../../../src/engine/training/trainer.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import type { BorrowedTeacher } from '../borrowed-teacher.ts'
import type { Asked, PreparedAsked } from '../prepare-asked.ts'
import { roundLength, writeAnswers, type AnsweringStudent } from '../write-answers.ts'
import { cutIntoParts, type Lesson } from './lesson.ts'
import { teachTexts, type LessonPlan } from './texts.ts'

export interface OnPolicyLesson {
  readonly settings: OnPolicyTrainSettings
  readonly student: AnsweringStudent
  /** Absent only where no step is on own answers. */
  readonly teacher?: BorrowedTeacher
}

/** An own answer as a row: its tokens as the student wrote them, up to the last of which the teacher said something. */
export function packAnswer(
  { tokens: prompt }: Pick<Asked, 'tokens'>,
  answer: ArrayLike<number>,
  teacher: TeacherRow,
  context: number,
): PackedRow | undefined {
  return packRows(
    [{ prompt, completion: Array.from(answer).slice(0, teacher.ids.length / teacher.choices), teacher }],
    context,
  ).rows[0]
}

/** Which steps are on own answers: each by a draw of its own, so that a training that goes on draws alike. */
export function planOwnSteps({
  lambda,
  ownFrom,
  steps,
  rngSeed,
}: Pick<OnPolicyTrainSettings, 'lambda' | 'ownFrom' | 'steps' | 'rngSeed'>): {
  begin: number
  isOwn: (step: number) => boolean
} {
  const begin = Math.round(ownFrom * steps)
  return { begin, isOwn: (step) => step > begin && makeRng(rngSeed).fork(`own/${step}`).next() < lambda }
}

export function teachOnPolicy(
  rows: PreparedAsked,
  plan: LessonPlan,
  { settings, student, teacher }: OnPolicyLesson,
): Lesson {
  const { lambda, steps, context, accumulate, answerTokens, answerTemperature, rngSeed } = settings
  const texts = teachTexts(rows, plan)
  if (lambda === 0) return texts
  const { begin, isOwn } = planOwnSteps(settings)
  const size = Math.ceil(plan.linesAStep / accumulate)
  let counted = { upTo: 0, own: 0 }
  const countOwn = (step: number): number => {
    while (counted.upTo < step)
      counted = { upTo: counted.upTo + 1, own: counted.own + (isOwn(counted.upTo + 1) ? 1 : 0) }
    return counted.own
  }

  /** Own answers to what the rows ask, and the teacher's side of them; rows of which it could say nothing are left out. */
  async function answer(
    trainer: Trainer,
    asked: readonly Asked[],
    seed: string,
    signal: AbortSignal,
  ): Promise<PackedRow[]> {
    if (!teacher)
      throw new RetortError(
        'NotLoaded',
        'This student learns from what the loaded teacher says of its answers, and no teacher was lent to it. Load the teacher, then go on from the last checkpoint.',
      )
    const written = await writeAnswers(
      student,
      trainer,
      asked.map(({ tokens }) => tokens),
      { each: 1, temperature: answerTemperature, maxTokens: answerTokens, rngSeed: seed, signal },
    )
    signal.throwIfAborted()
    const traced = await teacher.trace(
      written.map(({ tokens }, i) => ({
        system: asked[i]?.system ?? '',
        prompt: asked[i]?.prompt ?? '',
        tokens: Uint16Array.from(tokens),
      })),
      signal,
    )
    return written.flatMap(({ tokens }, i) => {
      const [one, row] = [asked[i], traced[i]]
      return (one && row && packAnswer(one, tokens, row, context)) ?? []
    })
  }

  return {
    ...texts,
    kinds: {
      of: (step) => (isOwn(step) ? 'own' : ''),
      left: (done) => {
        const open = Math.max(0, steps - Math.max(done, begin))
        return [
          ['own', lambda * open],
          ['', steps - done - lambda * open],
        ]
      },
      async rehearse(trainer, signal) {
        await answer(trainer, [...rows.of.values()].slice(0, plan.linesAStep), `${rngSeed}/rehearsal`, signal)
        return 'own'
      },
    },
    async makeStep(trainer, planned) {
      const { lines, step, signal } = planned
      const share = `${Math.round((100 * countOwn(step)) / step)} % of its steps so far were on its own answers.`
      if (!isOwn(step))
        return {
          ...(await texts.makeStep(trainer, planned)),
          note:
            step <= begin
              ? `It learns from the texts until step ${begin}, then from its own answers too.`
              : share,
        }
      const asked = lines.flat().flatMap((row) => rows.of.get(row) ?? [])
      const kept = await answer(trainer, asked, `${rngSeed}/own/${step}`, signal)
      if (kept.length === 0)
        return {
          ...(await texts.makeStep(trainer, planned)),
          note: 'None of its answers fitted the teacher’s context, so this step was on the texts. Load the teacher with a longer context.',
        }
      const length = roundLength(Math.max(...kept.map(positionsOf)))
      const countedInStep = countPredictions([kept])
      const left =
        kept.length < asked.length
          ? ` ${asked.length - kept.length} of ${asked.length} answers did not fit the teacher’s context.`
          : ''
      return {
        batches: cutIntoParts(kept, size).map((part) =>
          makeBatch(
            part.map((row) => [row]),
            size,
            length,
            { countedInStep },
          ),
        ),
        positions: kept.reduce((sum, row) => sum + positionsOf(row), 0),
        note: `${share}${left}`,
      }
    },
  }
}
