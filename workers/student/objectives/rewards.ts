// Knows: how a student learns from its own completions (GRPO): several per problem, with reward 1 for a right final answer.
// Must not know: where rows are stored, the loss (engine/training/policy.ts).
import {
  countPredictions,
  makeBatch,
  packRows,
  positionsOf,
  type PackedRow,
} from '../../../src/engine/training/packing.ts'
import { computeAdvantages, makePolicyBatch, type RewardedRow } from '../../../src/engine/training/policy.ts'
import type { Trainer } from '../../../src/engine/training/trainer.ts'
import type { OwnCompletions } from '../../../src/pipeline/training/losses/loss.ts'
import { verifyFinalAnswer } from '../../../src/pipeline/verifiers/final-answer.ts'
import { prepareProblems, type PreparedProblems, type Problem } from '../prepare-problems.ts'
import { roundLength, generateCompletions, type OwnCompletion } from '../generate-completions.ts'
import {
  splitIntoMicroBatches,
  type Mistake,
  type Objective,
  type OpenOptions,
  type Prepare,
} from './objective.ts'

/** Min completions sampled before the first step: with 1 in 10 right, none of 32 is right once in 30 times. */
const MIN_SAMPLED = 32

/** Steps without one right answer before a note says so. */
const STEPS_WITHOUT_REWARD = 5

/** The student before this training, whose log-probabilities give the KL divergence; only if its weight is above 0. */
type Reference = OpenOptions['reference']

export const learnFromProblems: Prepare = async ({
  split,
  tokenizer,
  settings: { context },
  plan: { completions },
  signal,
  readAnswers,
}) => {
  if (!completions) throw new TypeError('the loss plans no completions of its problems')
  const rows = await prepareProblems(split, await readAnswers(), tokenizer, context, signal)
  return {
    rows,
    rowsPerLine: completions.perPrompt,
    fillsContext: true,
    open: (options) => makeRewardObjective(rows, completions, options),
  }
}

/** 1 for a completion that ends by itself with the right final answer, else 0. */
const rewardOf = ({ text, ended }: OwnCompletion, { reference }: Problem): number =>
  ended && verifyFinalAnswer(text, reference) === true ? 1 : 0

function makeRewardObjective(
  problems: PreparedProblems,
  { perPrompt: completionsPerPrompt, maxTokens, temperature }: OwnCompletions,
  { settings, linesPerStep, student, reference }: OpenOptions,
): Objective {
  const { gradientAccumulation, context, rngSeed } = settings
  const problemsOf = (rows: readonly PackedRow[]): Problem[] =>
    rows.flatMap((row) => problems.byRow.get(row) ?? [])
  let stepsWithoutReward = 0
  let mistakes: readonly Mistake[] = []
  return {
    ...problems,
    rowNoun: 'problems',
    async makeStep(trainer, { lines, step, signal }) {
      const stepProblems = problemsOf(lines.flat())
      const completions = await generateCompletions(
        student,
        trainer,
        stepProblems.map(({ prompt }) => prompt),
        { completionsPerPrompt, temperature, maxTokens, rngSeed: `${rngSeed}/answers/${step}`, signal },
      )
      signal.throwIfAborted()
      const rewards = completions.map((completion, i) =>
        rewardOf(completion, stepProblems[Math.floor(i / completionsPerPrompt)] as Problem),
      )
      const right = rewards.reduce((sum, one) => sum + one, 0)
      stepsWithoutReward = right > 0 ? 0 : stepsWithoutReward + 1
      const advantages = computeAdvantages(rewards, completionsPerPrompt)
      const rows = completions.map(
        ({ tokens }, i) =>
          packRows(
            [
              {
                prompt: stepProblems[Math.floor(i / completionsPerPrompt)]?.prompt ?? [],
                completion: tokens,
              },
            ],
            context,
          ).rows[0],
      )
      const microBatch = Math.ceil((linesPerStep * completionsPerPrompt) / gradientAccumulation)
      const length = roundLength(Math.max(1, ...rows.map((row) => (row ? positionsOf(row) : 1))))
      const kept = rows.flatMap((row, i) => (row ? [{ row, advantage: advantages[i] ?? 0 }] : []))
      const countedInStep = countPredictions(kept.map(({ row }) => [row]))
      const batches = []
      for (const part of splitIntoMicroBatches(kept, microBatch))
        batches.push(
          makePolicyBatch(
            await addLogProbs(trainer, reference, part, microBatch, length),
            microBatch,
            length,
            countedInStep,
          ),
        )
      return {
        batches,
        positions: kept.reduce((sum, { row }) => sum + positionsOf(row), 0),
        displayedLoss: 1 - right / completions.length,
        ...(stepsWithoutReward >= STEPS_WITHOUT_REWARD
          ? {
              note: `No completion had the correct final answer in the last ${stepsWithoutReward} steps, so there is nothing to learn from. If this continues, stop, and train the student longer on texts first.`,
            }
          : {}),
      }
    },
    async evaluate(trainer, signal) {
      const heldOut = problemsOf(problems.heldOut)
      if (heldOut.length === 0) return Number.NaN
      const completions = await generateCompletions(
        student,
        trainer,
        heldOut.map(({ prompt }) => prompt),
        { completionsPerPrompt: 1, temperature: 0, maxTokens, rngSeed: 'held out', signal },
      )
      const wrong = completions.flatMap((completion, i) => {
        const problem = heldOut[i] as Problem
        return rewardOf(completion, problem) === 1
          ? []
          : [{ prompt: problem.text, text: completion.text, expected: problem.reference }]
      })
      mistakes = wrong
      return wrong.length / completions.length
    },
    evaluated: () => problems.heldOut.length,
    mistakes: () => mistakes,
    async sampleFirst(trainer, signal) {
      const lines = Math.max(linesPerStep, Math.ceil(MIN_SAMPLED / completionsPerPrompt))
      const sampled = problemsOf(problems.train.slice(0, lines))
      const completions = await generateCompletions(
        student,
        trainer,
        sampled.map(({ prompt }) => prompt),
        { completionsPerPrompt, temperature, maxTokens, rngSeed: `${rngSeed}/before`, signal },
      )
      const right = completions.reduce(
        (sum, completion, i) =>
          sum + rewardOf(completion, sampled[Math.floor(i / completionsPerPrompt)] as Problem),
        0,
      )
      const cut = completions.filter(({ ended }) => !ended).length
      return {
        displayedLoss: 1 - right / completions.length,
        note: describeFirst(right, completions.length, cut > completions.length / 2 ? maxTokens : undefined),
        learnsNothing: right === 0,
      }
    },
  }
}

/** `cutAt`: max tokens, if most completions were cut there. */
const describeFirst = (right: number, of: number, cutAt: number | undefined): string =>
  right === 0
    ? `Before training, 0 of ${of} sampled completions have the right answer: nothing to reward, so training did not start, and no student was stored. ${cutAt === undefined ? 'Train' : `Most were cut at ${cutAt} tokens: raise Max tokens, or train`} the student longer on the texts first, use easier problems, or start from a larger student.`
    : right === of
      ? `Before training, all ${of} sampled completions have the right answer: there is nothing left to learn on these problems.`
      : `Before training, ${right} of ${of} sampled completions have the right answer (${Math.round((100 * right) / of)} %).`

async function addLogProbs(
  trainer: Trainer,
  reference: Reference,
  part: readonly Pick<RewardedRow, 'row' | 'advantage'>[],
  size: number,
  length: number,
): Promise<RewardedRow[]> {
  const batch = makeBatch(
    part.map(({ row }) => [row]),
    size,
    length,
  )
  const oldLogProbs = await trainer.logProbs(batch)
  const referenceLogProbs = await reference?.logProbs(batch)
  let at = 0
  return part.map(({ row, advantage }): RewardedRow => {
    const [from, to] = [at, (at += countPredictions([[row]]))]
    return {
      row,
      advantage,
      oldLogProbs: oldLogProbs.subarray(from, to),
      ...(referenceLogProbs ? { referenceLogProbs: referenceLogProbs.subarray(from, to) } : {}),
    }
  })
}
