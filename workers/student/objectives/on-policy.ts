// Knows: how a student learns from its own completions and the teacher's distribution at each of their tokens (GKD, Agarwal et al. 2023),
// mixed with steps on texts and stored soft targets. As in TRL, each step is on-policy with probability lambda.
// Must not know: where rows are stored, how the teacher is called, the loss (engine/training/distillation.ts).
import { makeRng } from '../../../src/domain/rng.ts'
import {
  countPredictions,
  makeBatch,
  packRows,
  positionsOf,
  type PackedRow,
  type TeacherRow,
} from '../../../src/engine/training/packing.ts'
import type { Trainer } from '../../../src/engine/training/trainer.ts'
import type { OwnCompletions } from '../../../src/pipeline/training/losses/loss.ts'
import { RetortError } from '../../../src/protocol/errors.ts'
import { prepareOnPolicyRows, type OnPolicyRows, type RowPrompt } from '../prepare-on-policy.ts'
import { roundLength, generateCompletions } from '../generate-completions.ts'
import { splitIntoMicroBatches, type Objective, type OpenOptions, type Prepare } from './objective.ts'
import { makeTextObjective } from './texts.ts'

export const learnFromPrompts: Prepare = async ({
  split,
  tokenizer,
  settings,
  plan: { completions },
  signal,
}) => {
  if (!completions) throw new TypeError('the loss plans no completions of its prompts')
  const rows = await prepareOnPolicyRows(split, tokenizer, settings, signal)
  return {
    rows,
    rowsPerLine: 1,
    fillsContext: true,
    open: (options) => makeOnPolicyObjective(rows, completions, options),
  }
}

/** A completion of the student as a row: its tokens as sampled, up to the last one with soft targets. */
export function packCompletion(
  { tokens: prompt }: Pick<RowPrompt, 'tokens'>,
  completion: ArrayLike<number>,
  teacher: TeacherRow,
  context: number,
): PackedRow | undefined {
  return packRows(
    [{ prompt, completion: Array.from(completion).slice(0, teacher.ids.length / teacher.topK), teacher }],
    context,
  ).rows[0]
}

/** Which steps are on-policy: each has its own random draw, so that a resumed training draws the same. */
export function planOnPolicySteps({
  lambda,
  textWarmUp,
  steps,
  rngSeed,
}: {
  readonly lambda: number
  readonly textWarmUp: number
  readonly steps: number
  readonly rngSeed: number
}): {
  warmUpSteps: number
  isOnPolicy: (step: number) => boolean
} {
  const warmUpSteps = Math.round(textWarmUp * steps)
  return {
    warmUpSteps,
    isOnPolicy: (step) => step > warmUpSteps && makeRng(rngSeed).fork(`own/${step}`).next() < lambda,
  }
}

function makeOnPolicyObjective(
  rows: OnPolicyRows,
  { share: lambda, textWarmUp, maxTokens, temperature }: OwnCompletions,
  plan: OpenOptions,
): Objective {
  const { settings, student, teacher } = plan
  const { steps, context, gradientAccumulation, rngSeed } = settings
  const texts = makeTextObjective(rows, plan)
  if (lambda === 0) return texts
  const { warmUpSteps, isOnPolicy } = planOnPolicySteps({ lambda, textWarmUp, steps, rngSeed })
  const microBatch = Math.ceil(plan.linesPerStep / gradientAccumulation)
  let counted = { upTo: 0, onPolicy: 0 }
  const countOnPolicy = (step: number): number => {
    while (counted.upTo < step)
      counted = {
        upTo: counted.upTo + 1,
        onPolicy: counted.onPolicy + (isOnPolicy(counted.upTo + 1) ? 1 : 0),
      }
    return counted.onPolicy
  }

  /** Samples completions of the prompts and adds the teacher's soft targets; completions without any are left out. */
  async function sampleRows(
    trainer: Trainer,
    prompts: readonly RowPrompt[],
    seed: string,
    signal: AbortSignal,
  ): Promise<PackedRow[]> {
    if (!teacher)
      throw new RetortError(
        'NotLoaded',
        'This student needs the loaded teacher during training, and no teacher is available. Load the teacher, then resume from the last checkpoint.',
      )
    const completions = await generateCompletions(
      student,
      trainer,
      prompts.map(({ tokens }) => tokens),
      { completionsPerPrompt: 1, temperature, maxTokens, rngSeed: seed, signal },
    )
    signal.throwIfAborted()
    const softTargets = await teacher.computeSoftTargets(
      completions.map(({ tokens }, i) => ({
        ...(prompts[i]?.earlier ? { earlier: prompts[i].earlier } : {}),
        system: prompts[i]?.system ?? '',
        prompt: prompts[i]?.prompt ?? '',
        tokens: Uint16Array.from(tokens),
      })),
      signal,
    )
    return completions.flatMap(({ tokens }, i) => {
      const [prompt, teacherRow] = [prompts[i], softTargets[i]]
      return (prompt && teacherRow && packCompletion(prompt, tokens, teacherRow, context)) ?? []
    })
  }

  return {
    ...texts,
    stepKinds: {
      kindOf: (step) => (isOnPolicy(step) ? 'own' : ''),
      remaining: (done) => {
        const mixed = Math.max(0, steps - Math.max(done, warmUpSteps))
        return [
          ['own', lambda * mixed],
          ['', steps - done - lambda * mixed],
        ]
      },
      async dryRun(trainer, signal) {
        await sampleRows(
          trainer,
          [...rows.byRow.values()].slice(0, plan.linesPerStep),
          `${rngSeed}/rehearsal`,
          signal,
        )
        return 'own'
      },
    },
    async makeStep(trainer, planned) {
      const { lines, step, signal } = planned
      const share = `${Math.round((100 * countOnPolicy(step)) / step)} % of the steps so far were on-policy.`
      if (!isOnPolicy(step))
        return {
          ...(await texts.makeStep(trainer, planned)),
          note:
            step <= warmUpSteps
              ? `Training on texts until step ${warmUpSteps}, then on the student’s own completions too.`
              : share,
        }
      const prompts = lines.flat().flatMap((row) => rows.byRow.get(row) ?? [])
      const kept = await sampleRows(trainer, prompts, `${rngSeed}/own/${step}`, signal)
      if (kept.length === 0)
        return {
          ...(await texts.makeStep(trainer, planned)),
          note: 'None of the completions fitted the teacher’s context, so this step was on texts. Load the teacher with a longer context.',
        }
      const length = roundLength(Math.max(...kept.map(positionsOf)))
      const countedInStep = countPredictions([kept])
      const skipped =
        kept.length < prompts.length
          ? ` ${prompts.length - kept.length} of ${prompts.length} completions did not fit the teacher’s context.`
          : ''
      return {
        batches: splitIntoMicroBatches(kept, microBatch).map((rowsOfBatch) =>
          makeBatch(
            rowsOfBatch.map((row) => [row]),
            microBatch,
            length,
            { countedInStep },
          ),
        ),
        positions: kept.reduce((sum, row) => sum + positionsOf(row), 0),
        note: `${share}${skipped}`,
      }
    },
  }
}
