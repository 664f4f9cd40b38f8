// Knows: how a student learns from its own answers (GRPO): several to a problem, rewarded where the final answer is right.
// Must not know: where rows are stored, the loss (engine/training/policy.ts).
import type { RewardTrainSettings } from '../../../src/domain/student.ts'
import {
  countPredictions,
  makeBatch,
  packRows,
  positionsOf,
  type PackedRow,
} from '../../../src/engine/training/packing.ts'
import { findAdvantages, makePolicyBatch, type RewardedRow } from '../../../src/engine/training/policy.ts'
import type { Trainer } from '../../../src/engine/training/trainer.ts'
import { verifyFinalAnswer } from '../../../src/pipeline/verifiers/final-answer.ts'
import type { PreparedProblems, Problem } from '../prepare-problems.ts'
import { roundLength, writeAnswers, type AnsweringStudent, type OwnAnswer } from '../write-answers.ts'
import { cutIntoParts, type Lesson } from './lesson.ts'
import type { LessonPlan } from './texts.ts'

/** Steps without one right answer after which the person is told. */
const STEPS_IN_VAIN = 5

/** The weights of the student before this training, which find the divergence; only where it counts. */
export type Reference = Pick<Trainer, 'findLikelihoods'>

export interface RewardLesson {
  readonly settings: RewardTrainSettings
  readonly student: AnsweringStudent
  readonly reference?: Reference
}

/** 1 for an answer that ends by itself at the right final answer, else 0. */
const rewardOf = ({ text, ended }: OwnAnswer, { known }: Problem): number =>
  ended && verifyFinalAnswer(text, known) === true ? 1 : 0

export function teachByRewards(
  problems: PreparedProblems,
  { linesAStep }: Pick<LessonPlan, 'linesAStep'>,
  { settings, student, reference }: RewardLesson,
): Lesson {
  const { answers: each, answerTokens, temperature, accumulate, context, rngSeed } = settings
  const problemsOf = (rows: readonly PackedRow[]): Problem[] =>
    rows.flatMap((row) => problems.of.get(row) ?? [])
  let inVain = 0
  return {
    ...problems,
    called: 'problems',
    async makeStep(trainer, { lines, step, signal }) {
      const asked = problemsOf(lines.flat())
      const written = await writeAnswers(
        student,
        trainer,
        asked.map(({ prompt }) => prompt),
        { each, temperature, maxTokens: answerTokens, rngSeed: `${rngSeed}/answers/${step}`, signal },
      )
      signal.throwIfAborted()
      const rewards = written.map((answer, i) => rewardOf(answer, asked[Math.floor(i / each)] as Problem))
      const right = rewards.reduce((sum, one) => sum + one, 0)
      inVain = right > 0 ? 0 : inVain + 1
      const advantages = findAdvantages(rewards, each)
      const rows = written.map(
        ({ tokens }, i) =>
          packRows([{ prompt: asked[Math.floor(i / each)]?.prompt ?? [], completion: tokens }], context)
            .rows[0],
      )
      const size = Math.ceil((linesAStep * each) / accumulate)
      const length = roundLength(Math.max(1, ...rows.map((row) => (row ? positionsOf(row) : 1))))
      const kept = rows.flatMap((row, i) => (row ? [{ row, advantage: advantages[i] ?? 0 }] : []))
      const countedInStep = countPredictions(kept.map(({ row }) => [row]))
      const batches = []
      for (const part of cutIntoParts(kept, size))
        batches.push(
          makePolicyBatch(
            await addLikelihoods(trainer, reference, part, size, length),
            size,
            length,
            countedInStep,
          ),
        )
      return {
        batches,
        positions: kept.reduce((sum, { row }) => sum + positionsOf(row), 0),
        shown: 1 - right / written.length,
        ...(inVain >= STEPS_IN_VAIN
          ? {
              note: `None of its answers was right in the last ${inVain} steps, so there is nothing to learn from. If this goes on, stop, and train the student longer on the texts first.`,
            }
          : {}),
      }
    },
    async measure(trainer, signal) {
      const asked = problemsOf(problems.heldOut)
      if (asked.length === 0) return Number.NaN
      const written = await writeAnswers(
        student,
        trainer,
        asked.map(({ prompt }) => prompt),
        { each: 1, temperature: 0, maxTokens: answerTokens, rngSeed: 'held out', signal },
      )
      return (
        1 -
        written.reduce((sum, answer, i) => sum + rewardOf(answer, asked[i] as Problem), 0) / written.length
      )
    },
  }
}

async function addLikelihoods(
  trainer: Trainer,
  reference: Reference | undefined,
  part: readonly Pick<RewardedRow, 'row' | 'advantage'>[],
  size: number,
  length: number,
): Promise<RewardedRow[]> {
  const batch = makeBatch(
    part.map(({ row }) => [row]),
    size,
    length,
  )
  const before = await trainer.findLikelihoods(batch)
  const referred = await reference?.findLikelihoods(batch)
  let at = 0
  return part.map(({ row, advantage }): RewardedRow => {
    const [from, to] = [at, (at += countPredictions([[row]]))]
    return {
      row,
      advantage,
      before: before.subarray(from, to),
      ...(referred ? { reference: referred.subarray(from, to) } : {}),
    }
  })
}
