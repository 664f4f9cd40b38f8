// Knows: what a model would say at every token of given answers if it could use certain tokens only: the likeliest of them, and the
// rest of them together; and the hidden states that this follows from, where they are wanted.
import type { CachedModel } from './cached-model.ts'
import { logSumExp, pickLargest } from './logits.ts'
import type { Prefixes } from './prefixes.ts'
import type { Hooks, Progress } from './requests.ts'
import { runRows } from './rows-run.ts'
import { storeDirection } from '../weights/directions.ts'

/** An answer to trace: the distribution before each of its tokens, and the one after the last. */
export interface Traceable {
  readonly id: string
  /** What stands before the answer, at least one token. */
  readonly prompt: readonly number[]
  readonly answer: readonly number[]
}

export interface TraceOptions {
  /** k: tokens listed for each distribution. */
  readonly choices: number
  /** Of the distribution, above 0. */
  readonly temperature: number
  /**
   * Tokens that there are for whoever learns from this, at least k. The distribution is over these: mass on tokens that a student
   * does not have would only teach it to put as much on any others.
   */
  readonly among: Int32Array
  /** Give the directions of the hidden states too. */
  readonly hidden?: boolean
}

/** The distributions of an answer, [answer + 1] of them. */
export interface Traced {
  readonly id: string
  /** Places in `among` of the k likeliest, the likeliest first: [distributions, k]. */
  readonly places: Uint16Array
  /** Their probabilities, and last that of all other tokens of `among` together: [distributions, k + 1]. */
  readonly probabilities: Float32Array
  /** Directions of the hidden states after the final norm, before each of these distributions: [distributions, width] in 16-bit floats (weights/directions.ts). */
  readonly hidden?: Uint16Array
  readonly refusal?: string
}

/** Logits held at a time, in vocabularies: 128 of 49,152 take 25 MB. */
const LOGITS_PER_RUN = 128

interface Job {
  readonly request: Traceable
  readonly tokens: readonly number[]
  readonly wanted: ReadonlySet<number>
  readonly traced: Traced
}

/** Traces all answers; results are told in any order, refused ones (too long for the context) with a sentence and nothing traced. */
export async function traceAll(
  model: CachedModel,
  prefixes: Prefixes,
  requests: readonly Traceable[],
  options: TraceOptions,
  hooks: Hooks<Traced>,
): Promise<Progress> {
  const { choices, among } = options
  if (among.length < choices || among.length > 65_536)
    throw new RangeError(`${choices} tokens of ${among.length} cannot be listed.`)
  const jobs = requests.flatMap((request): Job[] => {
    const tokens = [...request.prompt, ...request.answer]
    if (request.prompt.length === 0 || tokens.length > model.contextLength) {
      const refusal =
        request.prompt.length === 0
          ? 'There is nothing before the answer.'
          : `The row has ${tokens.length} tokens, and the context holds ${model.contextLength}. Load the model with a longer context.`
      hooks.onResult({
        id: request.id,
        places: new Uint16Array(0),
        probabilities: new Float32Array(0),
        refusal,
      })
      return []
    }
    const count = request.answer.length + 1
    const first = request.prompt.length - 1
    return [
      {
        request,
        tokens,
        wanted: new Set(Array.from({ length: count }, (_, i) => first + i)),
        traced: {
          id: request.id,
          places: new Uint16Array(count * choices),
          probabilities: new Float32Array(count * (choices + 1)),
          ...(options.hidden ? { hidden: new Uint16Array(count * model.width) } : {}),
        },
      },
    ]
  })
  const read = ({ request, traced }: Job, at: number, logits: Float32Array, from: number): void =>
    readDistribution(logits, from, options, traced, at - request.prompt.length + 1)
  const readHidden = (
    { request, traced: { hidden } }: Job,
    at: number,
    states: Float32Array,
    from: number,
  ): void => {
    if (hidden)
      storeDirection(states, from, model.width, hidden, (at - request.prompt.length + 1) * model.width)
  }
  return runRows(
    model,
    prefixes,
    jobs,
    {
      read,
      ...(options.hidden ? { readHidden } : {}),
      end: ({ traced }) => hooks.onResult(traced),
      logitsPerRun: LOGITS_PER_RUN,
    },
    hooks,
  )
}

/** Writes the distribution of one place. */
function readDistribution(
  logits: Float32Array,
  from: number,
  { choices, temperature, among }: TraceOptions,
  { places, probabilities }: Traced,
  index: number,
): void {
  const own = new Float32Array(among.length)
  for (let place = 0; place < own.length; place++)
    own[place] = (logits[from + (among[place] ?? 0)] ?? -Infinity) / temperature
  const total = logSumExp(own, 0, own.length)
  const best = pickLargest(own, 0, own.length, choices)
  let listed = 0
  best.forEach((place, i) => {
    const probability = Math.exp((own[place] ?? -Infinity) - total)
    listed += probability
    places[index * choices + i] = place
    probabilities[index * (choices + 1) + i] = probability
  })
  probabilities[index * (choices + 1) + choices] = Math.max(0, 1 - listed)
}
