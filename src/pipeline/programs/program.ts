// Knows: what a step program is: a generator that yields what it needs from a machine and is resumed with the reply. Helpers give every
// reply its type.
// Must not know: who makes the calls, in which batches, and what was stored before (actions/executing).
import type {
  CompletionRequest,
  CompletionResult,
  EmbedRequest,
  EmbedResult,
  ScoreRequest,
  ScoreResult,
} from '../../domain/completion-request.ts'
import type { FilterDecision } from '../../domain/filter-decision.ts'
import type { Reply, Role } from '../../domain/reply.ts'
import type { PoolState } from './text-pool.ts'

/** A request of one model call. Its `id` names it in reports and must be unique among the calls in progress; it is no part of the address. */
export type Call =
  | { readonly kind: 'complete'; readonly role: Role; readonly request: CompletionRequest }
  | { readonly kind: 'score'; readonly role: Role; readonly request: ScoreRequest }
  | { readonly kind: 'embed'; readonly role: Role; readonly request: EmbedRequest }
  | {
      readonly kind: 'novelty'
      /** The texts to compare with. */
      readonly pool: PoolState
      /** ROUGE-L, 0 to 1: a candidate with a higher one is dropped. */
      readonly threshold: number
      /** Decided in order; each one that is kept is added to the pool for those after it. */
      readonly candidates: readonly string[]
    }

/**
 * What a program yields: a call, a chance for others to run, programs to run side by side, or something that is finished before the program
 * is.
 */
export type Yielded<Emitted> =
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'pause' }
  | { readonly kind: 'all'; readonly programs: readonly Program<void, Emitted>[] }
  | { readonly kind: 'emit'; readonly value: Emitted }

/**
 * A step's work on one row, or on all of them. Pure: the same row, settings, `rngSeed` and replies give the same outcome, whatever the
 * batches and the order of the replies.
 */
export type Program<Outcome, Emitted = never> = Generator<Yielded<Emitted>, Outcome, Reply | undefined>

/** Requests a completion. */
export function* complete(role: Role, request: CompletionRequest): Program<Omit<CompletionResult, 'id'>> {
  const reply = yield { kind: 'call', call: { kind: 'complete', role, request } }
  if (reply?.kind !== 'complete') throw unexpected('complete', reply)
  return reply.result
}

/** Requests the log-probabilities of continuations. */
export function* score(role: Role, request: ScoreRequest): Program<Omit<ScoreResult, 'id'>> {
  const reply = yield { kind: 'call', call: { kind: 'score', role, request } }
  if (reply?.kind !== 'score') throw unexpected('score', reply)
  return reply.result
}

/**
 * Requests a vector for each text; the results in the texts' order. Each text is a call of its own: equal ones are embedded once, and
 * only new ones are if some texts change.
 */
export function embed(role: Role, texts: readonly string[]): Program<readonly Omit<EmbedResult, 'id'>[]> {
  return all(texts.map((text, at) => embedOne(role, { id: `${at}`, text })))
}

function* embedOne(role: Role, request: EmbedRequest): Program<Omit<EmbedResult, 'id'>> {
  const reply = yield { kind: 'call', call: { kind: 'embed', role, request } }
  if (reply?.kind !== 'embed') throw unexpected('embed', reply)
  return reply.result
}

/** Decides which candidates differ enough from the pool and from the candidates kept before them; one decision for each. */
export function* decideNovelty(
  pool: PoolState,
  threshold: number,
  candidates: readonly string[],
): Program<readonly FilterDecision[]> {
  if (candidates.length === 0) return []
  const reply = yield { kind: 'call', call: { kind: 'novelty', pool, threshold, candidates } }
  if (reply?.kind !== 'novelty') throw unexpected('novelty', reply)
  return reply.decisions
}

/**
 * Runs programs side by side: each continues as soon as its own reply is there. Returns their outcomes in order. Throws what the first of
 * them threw, when all have ended: the same calls are made in whatever order the replies come.
 */
export function* all<Outcome, Emitted = never>(
  programs: readonly Program<Outcome, Emitted>[],
): Program<readonly Outcome[], Emitted> {
  const outcomes: Outcome[] = []
  let failure: { readonly at: number; readonly thrown: unknown } | undefined
  const run = function* (program: Program<Outcome, Emitted>, at: number): Program<void, Emitted> {
    try {
      outcomes[at] = yield* program
    } catch (thrown) {
      if (failure === undefined || at < failure.at) failure = { at, thrown }
    }
  }
  const children: Program<void, Emitted>[] = []
  yield* inSlices(programs, (program, at) => void children.push(run(program, at)))
  yield { kind: 'all', programs: children }
  if (failure) throw failure.thrown
  return outcomes
}

/** How a program ended that may throw. */
export type Attempted<Outcome> =
  | { readonly ok: true; readonly outcome: Outcome }
  | { readonly ok: false; readonly thrown: unknown }

/** Runs a program; what it throws is a value, so that those next to it are not lost. */
export function* attempt<Outcome, Emitted = never>(
  program: Program<Outcome, Emitted>,
): Program<Attempted<Outcome>, Emitted> {
  try {
    return { ok: true, outcome: yield* program }
  } catch (thrown) {
    return { ok: false, thrown }
  }
}

/** Hands over something that is finished, such as one of several rows, before the program ends. */
export function* emit<Emitted>(value: Emitted): Program<void, Emitted> {
  yield { kind: 'emit', value }
}

/** Items between two pauses: a slice takes a few milliseconds, and the pause decides whether it is time for one. */
const SLICE = 256

/** Lets others run, if it is time. To be called every few hundred items of long work. */
export function* pause(): Program<void> {
  yield { kind: 'pause' }
}

/** Does something with every item, with pauses. */
export function* inSlices<Item>(
  items: Iterable<Item>,
  work: (item: Item, at: number) => void,
): Program<void> {
  let at = 0
  for (const item of items) {
    work(item, at)
    at += 1
    if (at % SLICE === 0) yield* pause()
  }
}

/** The items in order, sorted with pauses; equal ones stay in their order. */
export function* sortInSlices<Item>(
  items: readonly Item[],
  compare: (a: Item, b: Item) => number,
): Program<readonly Item[]> {
  if (items.length <= SLICE) return items.toSorted(compare)
  const middle = items.length >> 1
  const low = yield* sortInSlices(items.slice(0, middle), compare)
  const high = yield* sortInSlices(items.slice(middle), compare)
  yield* pause()
  const merged: Item[] = []
  for (let i = 0, j = 0; merged.length < items.length;) {
    const [one, other] = [low[i], high[j]] as [Item, Item] // compared only where both are there
    if (j === high.length || (i < low.length && compare(one, other) <= 0)) {
      merged.push(one)
      i += 1
    } else {
      merged.push(other)
      j += 1
    }
    if (merged.length % SLICE === 0) yield* pause()
  }
  return merged
}

const unexpected = (wanted: Call['kind'], reply: Reply | undefined): TypeError =>
  new TypeError(`a call of kind ${wanted} was answered by ${reply?.kind ?? 'nothing'}`)
