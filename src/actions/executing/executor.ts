// Knows: how programs are run: thousands side by side, their calls looked up in the journal or gathered into full batches, their
// replies recorded before anything that follows from them.
// Must not know: what the programs do, which machines respond.
// Long because one class owns all programs in progress, their open calls and the machines at work.
import { MAX_EMBEDDING } from '../../domain/completion-request.ts'
import { callKey } from '../../pipeline/programs/call-key.ts'
import type { Call, Program } from '../../pipeline/programs/program.ts'
import type { Reply, Role } from '../../domain/reply.ts'
import { RetortError } from '../../protocol/errors.ts'
import { reasonOf } from '../../domain/filter-decision.ts'
import type { RunControl } from '../control.ts'
import { requestAll } from '../run/request-all.ts'
import { Breather } from './breather.ts'
import { Queue } from './queue.ts'
import type { Journal, ModelBatch, ModelCall, ModelResult, Models, Pools } from './ports.ts'

/** Programs in progress at once: a few full batches, so that a batch is full although some programs are between two calls. */
const MAX_IN_PROGRESS = 512
/** The same if models take turns in memory: as many programs as possible should wait for the one that is loaded. */
const MAX_IN_TURNS = 16_384
/** Keys per look into the journal. */
const KEYS_PER_READ = 512

/** What an item took so far. */
export interface ItemWork {
  /** Calls that a machine made for it; 0 if everything was in the journal. */
  readonly made: number
}

/** One stretch of work: a program for each item. */
export interface Stage<Item, Emitted, Outcome> {
  readonly items: Iterable<Item>
  readonly program: (item: Item) => Program<Outcome, Emitted>
  /** What a program emitted; with a promise, the program waits for it, and an error of it ends the work. */
  readonly onEmit?: (item: Item, value: Emitted, work: ItemWork) => void | Promise<void>
  readonly onEnd?: (item: Item, outcome: Outcome, work: ItemWork) => void
  /**
   * A share of an item's program ended, the sum of which is 1: programs that it runs side by side have equal parts of what it had left.
   * Only part of the truth, because a program may continue after them; good enough for a progress bar.
   */
  readonly onShare?: (item: Item, share: number, work: ItemWork) => void
  /** A program threw: its item alone fails, with this reason. Absent: the error ends the work. */
  readonly onFailure?: (item: Item, reason: string) => void
}

/** Calls of a piece of work. */
export interface CallCounts {
  /** Made by a machine. */
  readonly made: number
  /** Found in the journal. */
  readonly replayed: number
}

/** A program that waits for a reply. */
interface WaitingTask {
  readonly advance: (reply: Reply) => void
  readonly work: { made: number }
}

/** An item with all programs of its own: if one throws, none of them continues. */
interface Scope<Item> {
  readonly item: Item
  readonly work: { made: number }
  failed: boolean
  readonly fail: (thrown: unknown) => void
}

interface WaitingCall {
  readonly key: string
  readonly call: Call
  readonly tasks: WaitingTask[]
}

export interface ExecutorOptions {
  readonly models: Models
  readonly journal: Journal
  /** Absent: no program compares texts with a pool. */
  readonly pools?: Pools
  readonly control: RunControl
  /** Called if a machine has no reply to a request of its own; absent: the program gets a refusal with the reason. May throw. */
  readonly onNoReply?: (reason: string) => void
  /** Called with each call that a machine starts; the returned function is called when it ends. */
  readonly onBatch?: (batch: { readonly kind: ModelCall['kind']; readonly role: string }) => () => void
}

export class Executor {
  readonly #options: ExecutorOptions
  #made = 0
  #replayed = 0

  constructor(options: ExecutorOptions) {
    this.#options = options
  }

  get counts(): CallCounts {
    return { made: this.#made, replayed: this.#replayed }
  }

  /**
   * Runs the programs of all items; false if it was stopped before the end. Every reply is stored when it returns or throws. Throws
   * errors of machines and of the journal, and errors of programs unless the stage takes them.
   */
  async each<Item, Emitted, Outcome>(stage: Stage<Item, Emitted, Outcome>): Promise<boolean> {
    const work = new Work(this.#options, stage, (from) => {
      if (from === 'machine') this.#made += 1
      else this.#replayed += 1
    })
    try {
      return await work.run()
    } finally {
      await this.#options.journal.drain()
    }
  }

  /** False if the work was stopped; waits while it is paused. */
  async mayContinue(): Promise<boolean> {
    const { control } = this.#options
    await control.whenResumed()
    return !control.stopped
  }

  /**
   * Runs one program; its outcome, or `stopped`. If the program throws, an `Unexpected` error is thrown whose sentence names the step by its
   * `title`.
   */
  async together<Emitted, Outcome>(
    title: string,
    program: () => Program<Outcome, Emitted>,
    onEmit: (value: Emitted, work: ItemWork) => void | Promise<void> = () => undefined,
    onShare: (share: number, work: ItemWork) => void = () => undefined,
  ): Promise<{ readonly stopped: true } | { readonly stopped: false; readonly outcome: Outcome }> {
    const ended: { outcome: Outcome }[] = []
    const finished = await this.each<null, Emitted, Outcome>({
      items: [null],
      program,
      onEmit: (_, value, work) => onEmit(value, work),
      onShare: (_, share, work) => onShare(share, work),
      onEnd: (_, outcome) => ended.push({ outcome }),
      onFailure: (_, reason) => {
        throw new RetortError(
          'Unexpected',
          `The step “${title}” failed: ${reason}. Everything made before it is stored, and a new run uses it. Change or remove the step, then run again.`,
        )
      },
    })
    const [end] = ended
    return finished && end ? { stopped: false, outcome: end.outcome } : { stopped: true }
  }
}

class Work<Item, Emitted, Outcome> {
  readonly #options: ExecutorOptions
  readonly #maxInProgress: number
  readonly #stage: Stage<Item, Emitted, Outcome>
  readonly #count: (from: 'machine' | 'journal') => void
  readonly #items: Iterator<Item>
  #itemsLeft = true
  #inProgress = 0
  /** Programs to advance, with what they waited for. */
  readonly #ready = new Queue<() => void>()
  /** Calls not looked up yet, then those that a machine must make, by machine, kind and role. All calls that are open, by key. */
  #unread: WaitingCall[] = []
  readonly #queues = new Map<string, WaitingCall[]>()
  readonly #open = new Map<string, WaitingCall>()
  /** Machines, pools and receivers at work. */
  readonly #busy = new Set<string | Promise<void>>()
  readonly #abort = new AbortController()
  #thrown: { readonly reason: unknown } | undefined
  #stopped = false
  #wake: () => void = () => undefined

  constructor(
    options: ExecutorOptions,
    stage: Stage<Item, Emitted, Outcome>,
    count: (from: 'machine' | 'journal') => void,
  ) {
    this.#options = options
    this.#maxInProgress = options.models.takesTurns ? MAX_IN_TURNS : MAX_IN_PROGRESS
    this.#stage = stage
    this.#count = count
    this.#items = stage.items[Symbol.iterator]()
  }

  async run(): Promise<boolean> {
    const breather = new Breather()
    while (this.#thrown === undefined && !this.#stopped) {
      const advance = this.#ready.shift()
      if (advance) {
        this.#attempt(advance)
        if (breather.isDue) await this.#breathe(breather)
        continue
      }
      if (this.#itemsLeft && this.#inProgress < this.#maxInProgress) {
        this.#attempt(() => this.#startNext())
        if (breather.isDue) await this.#breathe(breather)
        continue
      }
      if (this.#unread.length > 0) {
        await this.#lookUp()
        continue
      }
      this.#dispatch()
      if (this.#busy.size === 0 && this.#inProgress === 0) break
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    // Machines that still work are stopped, and what they have finished is recorded before the work ends.
    this.#abort.abort()
    while (this.#busy.size > 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    if (this.#thrown) throw this.#thrown.reason
    return !this.#stopped
  }

  async #breathe(breather: Breather): Promise<void> {
    const { control } = this.#options
    await breather.pause()
    if (control.paused) await control.whenResumed()
    if (control.stopped) this.#stopped = true
  }

  /** An error of who takes the outcomes ends the work like one of a machine: what has been finished is stored. */
  #attempt(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      this.#break(thrown)
    }
  }

  #startNext(): void {
    const next = this.#items.next()
    if (next.done) {
      this.#itemsLeft = false
      return
    }
    const item = next.value
    this.#inProgress += 1
    const end = (): void => void (this.#inProgress -= 1)
    const fail = (thrown: unknown): void => {
      if (this.#stage.onFailure === undefined) return this.#break(thrown)
      end()
      this.#stage.onFailure(item, reasonOf(thrown))
    }
    const scope: Scope<Item> = { item, work: { made: 0 }, failed: false, fail }
    let program: Program<Outcome, Emitted>
    try {
      program = this.#stage.program(item)
    } catch (thrown) {
      return fail(thrown)
    }
    this.#spawn(scope, program, 1, (outcome) => {
      end()
      this.#stage.onEnd?.(item, outcome, scope.work)
    })
  }

  /** Starts a program that is a share of its item; it advances until it waits for a call or for programs of its own. */
  #spawn<Result>(
    scope: Scope<Item>,
    program: Program<Result, Emitted>,
    share: number,
    end: (result: Result) => void,
  ): void {
    let shareLeft = share
    const advance = (input: Reply | undefined): void => {
      let unusable: { readonly thrown: unknown } | undefined
      for (let next = input; ; next = undefined) {
        if (scope.failed) return
        let step: ReturnType<typeof program.next>
        try {
          step = unusable ? program.throw(unusable.thrown) : program.next(next)
          unusable = undefined
        } catch (thrown) {
          scope.failed = true
          return scope.fail(thrown)
        }
        // Outside the try: an error of who takes the values is not one of the program.
        if (step.done) {
          if (shareLeft > 0) this.#stage.onShare?.(scope.item, shareLeft, scope.work)
          return end(step.value)
        }
        const yielded = step.value
        if (yielded.kind === 'call') {
          const key = this.#addressOf(yielded.call)
          if (typeof key === 'string') return this.#request(key, yielded.call, { advance, work: scope.work })
          unusable = key
          continue
        }
        if (yielded.kind === 'pause') return void this.#ready.push(() => advance(undefined))
        if (yielded.kind === 'emit') {
          const taken = this.#stage.onEmit?.(scope.item, yielded.value, scope.work)
          if (taken) return void this.#waitFor(taken, () => advance(undefined))
        } else if (yielded.programs.length > 0) {
          const part = shareLeft / yielded.programs.length
          shareLeft = 0
          const resume = (): void => void this.#ready.push(() => advance(undefined))
          return this.#spawnAll(scope, yielded.programs, part, resume)
        }
      }
    }
    this.#ready.push(() => advance(undefined))
  }

  /** Starts programs in their order, as many side by side as items are; `share` is that of each. */
  #spawnAll(
    scope: Scope<Item>,
    programs: readonly Program<void, Emitted>[],
    share: number,
    end: () => void,
  ): void {
    let started = 0
    let left = programs.length
    const startNext = (): void => {
      const next = programs[started]
      if (next === undefined) return
      started += 1
      this.#spawn(scope, next, share, onEnd)
    }
    const onEnd = (): void => {
      left -= 1
      if (left === 0) end()
      else startNext()
    }
    while (started < Math.min(programs.length, this.#maxInProgress)) startNext()
  }

  /** Continues when something that a program emitted has been taken. */
  async #waitFor(taken: Promise<void>, advance: () => void): Promise<void> {
    this.#busy.add(taken)
    try {
      await taken
      this.#ready.push(advance)
    } catch (thrown) {
      this.#break(thrown)
    } finally {
      this.#busy.delete(taken)
      this.#wake()
    }
  }

  /** The call's address in the journal, or why it can have none: its program gets that as an error of its own. */
  #addressOf(call: Call): string | { readonly thrown: unknown } {
    try {
      return callKey(call, (role) => this.#options.models.identify(role))
    } catch (thrown) {
      return { thrown }
    }
  }

  #request(key: string, call: Call, task: WaitingTask): void {
    const open = this.#open.get(key)
    if (open) {
      open.tasks.push(task)
      return
    }
    const waiting = { key, call, tasks: [task] }
    this.#open.set(key, waiting)
    this.#unread.push(waiting)
  }

  async #lookUp(): Promise<void> {
    const looked = this.#unread.splice(0, KEYS_PER_READ)
    try {
      const found = await this.#options.journal.read(looked.map(({ key }) => key))
      for (const waiting of looked) {
        const reply = found.get(waiting.key)
        // A reply of another kind under this key can only be damage: the call is made again.
        if (reply?.kind === waiting.call.kind) {
          this.#answer(waiting, reply, 'journal')
        } else this.#enqueue(waiting)
      }
    } catch (thrown) {
      this.#break(thrown)
    }
  }

  #enqueue(waiting: WaitingCall): void {
    const { call } = waiting
    if (call.kind === 'novelty') return void this.#decide(waiting, call)
    const name = `${call.kind} ${call.role}`
    const queue = this.#queues.get(name)
    if (queue) queue.push(waiting)
    else this.#queues.set(name, [waiting])
  }

  /**
   * Gives work to every machine that has none: of its queues the longest, since it fills the batch best; but first those whose model is
   * in memory, until no program waits for it.
   */
  #dispatch(): void {
    const { models } = this.#options
    for (;;) {
      const queues = [...this.#queues.values()].filter(({ length }) => length > 0)
      const free = queues.filter(([first]) => first && !this.#busy.has(models.machineOf(roleOf(first))))
      const isAtHand = ([first]: readonly WaitingCall[]): boolean =>
        first === undefined || (models.isAtHand?.(roleOf(first)) ?? true)
      const queue = free.toSorted(
        (a, b) => Number(isAtHand(b)) - Number(isAtHand(a)) || b.length - a.length,
      )[0]
      const [first] = queue ?? []
      if (queue === undefined || first === undefined) return
      void this.#callMachine(queue.splice(0, models.batchOf(roleOf(first))))
    }
  }

  async #callMachine(batch: readonly WaitingCall[]): Promise<void> {
    const { models, journal, control, onBatch, onNoReply } = this.#options
    const [first] = batch
    if (first === undefined || first.call.kind === 'novelty') return
    const { kind, role } = first.call
    const machine = models.machineOf(role)
    this.#busy.add(machine)
    const byId = new Map<string, WaitingCall>()
    const requests = batch.flatMap((waiting) => {
      if (waiting.call.kind === 'novelty') return []
      const { request } = waiting.call
      const id = byId.has(request.id) ? `${request.id} ${waiting.key}` : request.id
      byId.set(id, waiting)
      return [id === request.id ? request : { ...request, id }]
    })
    const answer = (id: string, result: ModelResult, isStored: boolean): void => {
      const waiting = byId.get(id)
      if (waiting === undefined) return
      const reply = replyOf(kind, result)
      if (isStored) journal.record(waiting.key, reply)
      this.#answer(waiting, reply, 'machine')
    }
    try {
      const ended = await requestAll<ModelCall['request'], ModelResult>({
        control,
        requests,
        failed: AbortSignal.any([this.#abort.signal, journal.failed]),
        call: async (some, signal, onResult) => {
          await models.prepare?.(role, signal)
          const end = onBatch?.({ kind, role })
          try {
            await models.call(makeBatch(kind, role, some), signal, onResult)
          } finally {
            end?.()
          }
        },
        onResult: (result) => answer(result.id, result, true),
        // No reply of the machine: nothing to find in the journal, so that a later run tries again.
        onFailure: ({ id }, reason) => {
          onNoReply?.(reason)
          answer(id, noResult(kind, id, reason), false)
        },
      })
      if (!ended) {
        if (journal.failed.aborted) await journal.drain() // throws the reason
        this.#stopped = true
      }
    } catch (thrown) {
      this.#break(thrown)
    } finally {
      this.#busy.delete(machine)
      this.#wake()
    }
  }

  async #decide(waiting: WaitingCall, call: Extract<Call, { kind: 'novelty' }>): Promise<void> {
    const name = `pool ${waiting.key}`
    this.#busy.add(name)
    try {
      const { pools } = this.#options
      if (pools === undefined) throw new TypeError('this work has no pools')
      const decisions = await pools.decide(call.pool, call.threshold, call.candidates)
      const reply: Reply = { kind: 'novelty', decisions }
      this.#options.journal.record(waiting.key, reply)
      this.#answer(waiting, reply, 'machine')
    } catch (thrown) {
      this.#break(thrown)
    } finally {
      this.#busy.delete(name)
      this.#wake()
    }
  }

  #answer({ key, tasks }: WaitingCall, reply: Reply, from: 'machine' | 'journal'): void {
    this.#open.delete(key)
    this.#count(from)
    for (const { advance, work } of tasks) {
      if (from === 'machine') work.made += 1
      this.#ready.push(() => advance(reply))
    }
    this.#wake()
  }

  #break(thrown: unknown): void {
    this.#thrown ??= { reason: thrown }
    this.#abort.abort()
    this.#wake()
  }
}

function makeBatch(
  kind: ModelCall['kind'],
  role: Role,
  requests: readonly ModelCall['request'][],
): ModelBatch {
  switch (kind) {
    case 'complete':
      return { kind, role, requests: requests.filter((request) => 'sampling' in request) }
    case 'score':
      return { kind, role, requests: requests.filter((request) => 'continuations' in request) }
    case 'embed':
      return { kind, role, requests: requests.filter((request) => 'text' in request) }
    default:
      return kind satisfies never
  }
}

const roleOf = ({ call }: WaitingCall): string => (call.kind === 'novelty' ? '' : call.role)

const TOO_WIDE = `The model’s vectors have more than ${MAX_EMBEDDING.toLocaleString('en')} numbers.`

function replyOf(kind: ModelCall['kind'], result: ModelResult): Reply {
  if (kind === 'score' && 'logProbs' in result && !('text' in result)) {
    const { id: _, ...rest } = result
    return { kind, result: rest }
  }
  if (kind === 'embed' && 'vector' in result) {
    const { id: _, ...rest } = result
    if (rest.vector.length > MAX_EMBEDDING)
      return { kind, result: { vector: new Uint16Array(0), refusal: TOO_WIDE } }
    return { kind, result: rest }
  }
  if (kind === 'complete' && 'text' in result) {
    const { id: _, ...rest } = result
    return { kind, result: rest }
  }
  throw new TypeError(`a call of kind ${kind} returned a result of another kind`)
}

function noResult(kind: ModelCall['kind'], id: string, refusal: string): ModelResult {
  switch (kind) {
    case 'complete':
      return { id, text: '', finishReason: 'aborted', promptTokens: 0, tokens: 0, refusal }
    case 'score':
      return { id, logProbs: [], refusal }
    case 'embed':
      return { id, vector: new Uint16Array(0), refusal }
    default:
      return kind satisfies never
  }
}
