// A whole step on a student's own completions against PyTorch's numbers (tests/oracles/on-policy.py): soft targets computed from token ids,
// mapped to the student's ids, packed, trained on. The teacher is a formula instead of a model.
import { describe, expect, test } from 'vitest'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import type { CachedModel, RowStep } from '../../../src/engine/generation/cached-model.ts'
import { PrefixCache } from '../../../src/engine/generation/prefix-cache.ts'
import { computeSoftTargets } from '../../../src/engine/generation/soft-targets.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import { countPredictions, makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { makeDistillation } from '../../../src/engine/training/objectives/distillation.ts'
import { initialState, Trainer } from '../../../src/engine/training/trainer.ts'
import { packCompletion } from '../../../workers/student/objectives/on-policy.ts'
import { makeSoftTargetComputer, type SoftTargetComputer } from '../../../workers/teachers/lend.ts'
import oracle from '../../oracles/on-policy.json'
import { openTestRuntime } from '../../engine/session.ts'

const V = SMALL.vocabulary
const [TEMPERATURE, TOP_K, MISSING] = [1.5, 5, 60]
const ON_POLICY_STEPS = [2, 3, 5]
const teacherIdOf = (token: number): number => (7 * token + 3) % V

/** The oracle's teacher: logits after each token by a formula of the vocabulary entry, the position and the token. */
class FormulaModel implements CachedModel {
  readonly vocabulary = V
  readonly width = 1
  readonly slots = 2
  readonly maxSlots = 2
  readonly contextLength = 64
  readonly batchesStatically = false
  readonly #lengths = new Map<number, number>()
  resize(): void {
    throw new TypeError('it has room for two')
  }
  open(): number {
    const slot = this.#lengths.has(0) ? 1 : 0
    this.#lengths.set(slot, 0)
    return slot
  }
  close(slot: number): void {
    this.#lengths.delete(slot)
  }
  async step(rows: readonly RowStep[]): Promise<Float32Array> {
    return Float32Array.from(
      rows.flatMap(({ slot, tokens, logitsAt }) => {
        const length = this.#lengths.get(slot) ?? 0
        this.#lengths.set(slot, length + tokens.length)
        return logitsAt.flatMap((at) =>
          Array.from(
            { length: V },
            (_, v) =>
              3 *
              Math.sin(12.9898 * (v + 1) + 78.233 * (length + at + 1) + 0.37 * (tokens[at] ?? Number.NaN)),
          ),
        )
      }),
    )
  }
  async makePrefix(): Promise<never> {
    throw new TypeError('rows this short share no prefix')
  }
  async release(): Promise<void> {}
}

/** Prompts are the student's token ids as text. */
function makeComputer(): SoftTargetComputer {
  const model = new FormulaModel()
  const tokenizer = {
    encodeChat: (messages: readonly { content: string }[]) =>
      (messages.at(-1)?.content ?? '').split(' ').map((id) => teacherIdOf(Number(id))),
  } as unknown as TextTokenizer // all that is used here
  const students = Array.from({ length: V }, (_, i) => (i * 13) % V).filter((id) => id !== MISSING) // unordered
  const shared = {
    files: { json: '', config: '' },
    teacherIds: Int32Array.from(students, teacherIdOf),
    studentIds: Uint16Array.from(students),
    endIndex: -1,
  }
  return makeSoftTargetComputer(
    {
      tokenizer,
      computeSoftTargets: (requests, options, hooks) =>
        computeSoftTargets(model, new PrefixCache(model), requests, options, hooks),
    },
    shared,
    { topK: TOP_K, temperature: TEMPERATURE },
  )
}

/** Prompts and completions of a step: texts, or completions of the oracle's student. */
function completionsOf(step: number): { prompt: number[]; completion: number[] }[] {
  return makeSmallRows(step).map(({ tokens, from }, r) => {
    const prompt = [...tokens.subarray(0, from + 1)]
    if (!ON_POLICY_STEPS.includes(step))
      return {
        prompt: prompt.map((id) => id % MISSING),
        completion: [...tokens.subarray(from + 1)].map((id) => id % MISSING),
      }
    const completion = Array.from(
      { length: 3 + ((step + r) % 4) },
      (_, i) => (11 * (tokens[i] ?? 0) + 3 * step + r * i) % MISSING,
    )
    return {
      prompt,
      completion: r === 1 ? [...completion.slice(0, 2), MISSING, ...completion.slice(2)] : completion,
    }
  })
}

async function makeRows(compute: SoftTargetComputer, step: number): Promise<PackedRow[]> {
  const completions = completionsOf(step)
  const softTargets = await compute(
    completions.map(({ prompt, completion }) => ({
      system: '',
      prompt: prompt.join(' '),
      tokens: Uint16Array.from(completion),
    })),
    new AbortController().signal,
  )
  return completions.flatMap(
    ({ prompt, completion }, i) =>
      packCompletion({ tokens: prompt }, completion, softTargets[i]!, SMALL.context) ?? [],
  )
}

describe.each(['forward-kl', 'reverse-kl', 'jensen-shannon'] as const)(
  'six steps with %s, on texts and on-policy',
  (divergence) => {
    test('have the losses, gradient norms and weights of PyTorch', async () => {
      const saved = oracle[divergence]
      const trainer = new Trainer(
        await openTestRuntime(),
        {
          shape: SMALL,
          weightDecay: 0.1,
          maxGradientNorm: 1,
          objective: makeDistillation({ divergence, temperature: TEMPERATURE, textShare: 0 }),
        },
        initialState(makeSmallWeights()),
      )
      const compute = makeComputer()
      for (let step = 1; step <= 6; step++) {
        const rows = await makeRows(compute, step)
        expect(countPredictions([rows])).toBe(saved.counts[step - 1]) // a completion ends with the first token that the teacher does not have
        const { loss, norm } = await trainer.train(
          makeBatch(
            rows.map((row) => [row]),
            3,
            12,
          ),
          learningRateAt(step, { steps: 20, learningRate: 3e-3, warmUp: 0.1 }),
        )
        expect(
          Math.abs(loss - (saved.losses[step - 1] ?? Number.NaN)) / loss,
          `loss of step ${step}`,
        ).toBeLessThanOrEqual(1e-4)
        expect(
          Math.abs(norm - (saved.norms[step - 1] ?? Number.NaN)) / norm,
          `norm of step ${step}`,
        ).toBeLessThanOrEqual(1e-3)
      }
      const views = viewParameters(listParameters(SMALL), (await trainer.read()).weights)
      for (const [name, ours] of [
        ['embedding', 'embedding'],
        ['1.qkv', 'layer 1 qkv'],
        ['1.down', 'layer 1 down'],
        ['norm', 'final norm'],
      ] as const) {
        expect(
          worstDifference(views.get(ours)?.subarray(0, 8) ?? [], saved.final[name]),
          ours,
        ).toBeLessThanOrEqual(1e-3)
      }
      await trainer.release()
    })
  },
)
