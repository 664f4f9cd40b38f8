// A whole step on a student's own answers against PyTorch's numbers (tests/oracles/on-policy.py): the teacher asked by token ids, its
// answers in the student's numbers, packed, trained on. The teacher is a formula behind the engine's own tracing.
import { describe, expect, test } from 'vitest'
import { worstDifference } from '../../../src/engine/checks/numbers.ts'
import { makeSmallRows, makeSmallWeights, SMALL } from '../../../src/engine/checks/small.ts'
import type { CachedModel, RowStep } from '../../../src/engine/generation/cached-model.ts'
import { Prefixes } from '../../../src/engine/generation/prefixes.ts'
import { traceAll } from '../../../src/engine/generation/tracing.ts'
import type { TextTokenizer } from '../../../src/engine/tokenizers/text-tokenizer.ts'
import { countPredictions, makeBatch, type PackedRow } from '../../../src/engine/training/packing.ts'
import { listParameters, viewParameters } from '../../../src/engine/training/parameters.ts'
import { learningRateAt } from '../../../src/engine/training/schedules/index.ts'
import { beginState, Trainer } from '../../../src/engine/training/trainer.ts'
import { packAnswer } from '../../../workers/student/lessons/on-policy.ts'
import { makeAnswerTracer, type AnswerTracer } from '../../../workers/teachers/lend.ts'
import oracle from '../../oracles/on-policy.json'
import { openTestRuntime } from '../../engine/session.ts'

const V = SMALL.vocabulary
const [TEMPERATURE, CHOICES, MISSING] = [1.5, 5, 60]
const OWN = [2, 3, 5]
const theirs = (token: number): number => (7 * token + 3) % V

/** The oracle's teacher: logits after each token by formula of the token, of its place and of the token before it. */
class FormulaModel implements CachedModel {
  readonly vocabulary = V
  readonly width = 1
  readonly slots = 2
  readonly mostSlots = 2
  readonly contextLength = 64
  readonly joinsTogether = false
  readonly #held = new Map<number, number>()
  resize(): void {
    throw new TypeError('it has room for two')
  }
  open(): number {
    const slot = this.#held.has(0) ? 1 : 0
    this.#held.set(slot, 0)
    return slot
  }
  close(slot: number): void {
    this.#held.delete(slot)
  }
  async step(rows: readonly RowStep[]): Promise<Float32Array> {
    return Float32Array.from(
      rows.flatMap(({ slot, tokens, logitsAt }) => {
        const held = this.#held.get(slot) ?? 0
        this.#held.set(slot, held + tokens.length)
        return logitsAt.flatMap((at) =>
          Array.from(
            { length: V },
            (_, v) =>
              3 * Math.sin(12.9898 * (v + 1) + 78.233 * (held + at + 1) + 0.37 * (tokens[at] ?? Number.NaN)),
          ),
        )
      }),
    )
  }
  async makePrefix(): Promise<never> {
    throw new TypeError('rows this short share no beginning')
  }
  async release(): Promise<void> {}
}

/** Prompts are the student's token numbers, written out. */
function makeTracer(): AnswerTracer {
  const model = new FormulaModel()
  const tokenizer = {
    renderChat: (messages: readonly { content: string }[]) => messages.at(-1)?.content ?? '',
    encode: (text: string) => text.split(' ').map((id) => theirs(Number(id))),
  } as unknown as TextTokenizer // all that is asked of it here
  const students = Array.from({ length: V }, (_, i) => (i * 13) % V).filter((id) => id !== MISSING) // in no order
  const shared = {
    files: { json: '', config: '' },
    among: Int32Array.from(students, theirs),
    studentIds: Uint16Array.from(students),
    endPlace: -1,
  }
  return makeAnswerTracer(
    {
      tokenizer,
      trace: (requests, options, hooks) => traceAll(model, new Prefixes(model), requests, options, hooks),
    },
    shared,
    { choices: CHOICES, temperature: TEMPERATURE },
  )
}

/** Prompts and answers of a step: texts, or what the oracle's student wrote. */
function answersOf(step: number): { prompt: number[]; answer: number[] }[] {
  return makeSmallRows(step).map(({ tokens, from }, r) => {
    const prompt = [...tokens.subarray(0, from + 1)]
    if (!OWN.includes(step))
      return {
        prompt: prompt.map((id) => id % MISSING),
        answer: [...tokens.subarray(from + 1)].map((id) => id % MISSING),
      }
    const answer = Array.from(
      { length: 3 + ((step + r) % 4) },
      (_, i) => (11 * (tokens[i] ?? 0) + 3 * step + r * i) % MISSING,
    )
    return { prompt, answer: r === 1 ? [...answer.slice(0, 2), MISSING, ...answer.slice(2)] : answer }
  })
}

async function makeRows(trace: AnswerTracer, step: number): Promise<PackedRow[]> {
  const asked = answersOf(step)
  const traced = await trace(
    asked.map(({ prompt, answer }) => ({
      system: '',
      prompt: prompt.join(' '),
      tokens: Uint16Array.from(answer),
    })),
    new AbortController().signal,
  )
  return asked.flatMap(
    ({ prompt, answer }, i) => packAnswer({ tokens: prompt }, answer, traced[i]!, SMALL.context) ?? [],
  )
}

describe.each(['forward-kl', 'reverse-kl', 'jensen-shannon'] as const)(
  'six steps by %s, on texts and on own answers',
  (divergence) => {
    test('give the losses, gradient norms and weights that PyTorch gives', async () => {
      const saved = oracle[divergence]
      const trainer = new Trainer(
        await openTestRuntime(),
        {
          shape: SMALL,
          weightDecay: 0.1,
          clip: 1,
          distils: { divergence, temperature: TEMPERATURE, textShare: 0 },
        },
        beginState(makeSmallWeights()),
      )
      const trace = makeTracer()
      for (let step = 1; step <= 6; step++) {
        const rows = await makeRows(trace, step)
        expect(countPredictions([rows])).toBe(saved.counts[step - 1]) // an answer ends with the first token that the teacher does not have
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
