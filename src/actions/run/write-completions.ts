// Knows: the second phase: a completion for every planned row, stored as it ends, and the filters' answers on it. Filters that
// compare rows are asked in the rows' order, whatever order the completions end in.
import { dropped } from '../../domain/filter-answer.ts'
import type { RowId } from '../../domain/id.ts'
import type { CompletionRequest, CompletionResult } from '../../domain/model.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { Row } from '../../domain/row.ts'
import { planCompletions, type PlannedRow } from '../../pipeline/completing/complete.ts'
import { answersOf, answerTo, type KnownAnswers } from '../../pipeline/filters/known-answers.ts'
import { FilterBank, findDrop } from '../../pipeline/filters/decide-filters.ts'
import { eachRow } from '../../storage/rows.ts'
import { eachSeed } from '../../storage/seeds.ts'
import { askAndStore } from './ask-all.ts'
import type { RowWriter } from './row-writer.ts'
import { callComplete, inPieces, makeRowWriter, REQUESTS_PER_CALL, type RunContext } from './run-context.ts'
import { settle } from './standing.ts'

/** What the phase remembers of a row: enough to filter it and to count it. */
type Known = Pick<Row, 'answers' | 'verdict'> & { readonly row: Row }

/** Carries the phase through; false when stopped before the end. */
export async function writeCompletions(context: RunContext, prompts: readonly Prompt[]): Promise<boolean> {
  const {
    machines: { db },
    projectId,
    runId,
    recipe,
    steps,
    ref,
    control,
    live,
  } = context
  const planned = planCompletions({
    prompts,
    settings: steps.complete.settings,
    rngSeed: recipe.rngSeed,
    teacher: ref,
  })
  const written = new Set<RowId>()
  const writer = makeRowWriter(context)
  const sieve = new Sieve(context, planned, writer, await readAnswers(context))
  for await (const page of eachRow(db, projectId, runId)) {
    for (const row of page) {
      written.add(row.id)
      live.tally.countRow(row)
      sieve.recall(row)
    }
  }
  live.outlook.prompts = prompts.length
  live.outlook.written = written.size
  live.enter('completing', written.size, planned.length)
  sieve.decideReady()

  const byId = new Map(planned.map((row) => [row.id, row]))
  const take = (result: CompletionResult): void => {
    const plan = byId.get(result.id as RowId) // ids come back as they were asked
    if (plan === undefined) return
    live.outlook.written += 1
    sieve.bring(makeRow(context, plan, result))
    live.count(1)
  }
  for (const piece of inPieces(
    planned.filter(({ id }) => !written.has(id)),
    REQUESTS_PER_CALL,
  )) {
    const ended = await askAndStore<CompletionRequest, CompletionResult>(writer, {
      control,
      requests: piece.map(({ request }) => request),
      call: callComplete(context),
      take,
      giveUp: ({ id }, why) =>
        take({ id, text: '', ending: 'aborted', promptTokens: 0, tokens: 0, refusal: why }),
    })
    if (!ended) return false
  }
  await writer.drain()
  return true
}

/** Answers that the seeds bring, where a filter wants to compare with them. */
async function readAnswers({ machines: { db }, projectId, steps }: RunContext): Promise<KnownAnswers> {
  const answers = new Map<string, string>()
  if (!steps.filters.some(({ member }) => member.readsAnswer)) return answers
  for await (const page of eachSeed(db, projectId))
    for (const [text, answer] of answersOf(page)) answers.set(text, answer)
  return answers
}

function makeRow(
  { projectId, runId, ref, steps, machines }: RunContext,
  plan: PlannedRow,
  result: CompletionResult,
): Row {
  const row: Row = {
    projectId,
    runId,
    id: plan.id,
    promptId: plan.promptId,
    seedId: plan.seedId,
    prompt: plan.prompt,
    variant: plan.variant,
    order: plan.order,
    completion: {
      text: result.text.trim(),
      ending: result.ending,
      tokens: result.tokens,
      teacher: ref,
      system: plan.system,
      sampling: plan.sampling,
      writtenAt: machines.now(),
    },
    answers: [],
    status: 'asked',
  }
  if (result.refusal === undefined) return row
  // The teacher could not write it: dropped where it was to be written, with the reason.
  const { index, name } = steps.complete
  return {
    ...row,
    answers: [{ step: index, name, answer: dropped(result.refusal) }],
    droppedBy: name,
    status: 'dropped',
  }
}

/** Takes rows through the filters: at once, or in their order where filters compare rows. */
class Sieve {
  readonly #context: RunContext
  readonly #planned: readonly PlannedRow[]
  readonly #writer: RowWriter
  readonly #bank: FilterBank
  readonly #answers: KnownAnswers
  readonly #waiting = new Map<RowId, Known>()
  #next = 0

  constructor(context: RunContext, planned: readonly PlannedRow[], writer: RowWriter, answers: KnownAnswers) {
    this.#context = context
    this.#planned = planned
    this.#writer = writer
    this.#answers = answers
    this.#bank = new FilterBank(context.steps.filters)
  }

  /** A row of an earlier part of the run, as it is stored. */
  recall(row: Row): void {
    this.#countPassed(row)
    if (this.#bank.comparesRows) this.#waiting.set(row.id, { row, answers: row.answers })
    else if (this.#needsAnswers(row)) this.#settle(row)
  }

  /** A row that has just been written. */
  bring(row: Row): void {
    const { live } = this.#context
    if (this.#bank.comparesRows) {
      this.#writer.put(row)
      live.tally.countRow(row)
      this.#waiting.set(row.id, { row, answers: row.answers })
      this.decideReady()
      return
    }
    const settled = this.#decide(row)
    this.#writer.put(settled)
    live.tally.countRow(settled)
    this.#countPassed(settled)
  }

  /** Decides the rows whose turn has come: all before them are there. */
  decideReady(): void {
    for (;;) {
      const plan = this.#planned[this.#next]
      const known = plan && this.#waiting.get(plan.id)
      if (plan === undefined || known === undefined) return
      this.#waiting.delete(plan.id)
      this.#next += 1
      if (this.#needsAnswers(known.row)) this.#settle(known.row)
      else if (findDrop(known.row.answers) === undefined)
        this.#bank.remember({ completion: known.row.completion.text })
    }
  }

  #needsAnswers(row: Row): boolean {
    return this.#context.steps.filters.length > 0 && row.answers.length === 0
  }

  #decide(row: Row): Row {
    if (!this.#needsAnswers(row)) return row
    const answers = this.#bank.decide({
      prompt: row.prompt,
      completion: row.completion.text,
      ending: row.completion.ending,
      ...answerTo(row.prompt, this.#answers),
    })
    const drop = findDrop(answers)
    return settle(
      row,
      drop ? { answers, droppedBy: drop.name, status: 'dropped' } : { answers, status: 'asked' },
    )
  }

  /** Decides a row that is stored, or about to be. */
  #settle(row: Row): void {
    const settled = this.#decide(row)
    const { tally } = this.#context.live
    tally.countRow(row, -1)
    tally.countRow(settled)
    this.#countPassed(settled)
    const { answers, droppedBy, status } = settled
    this.#writer.change(row.id, (stored) =>
      settle(stored, {
        answers,
        status: status === 'rejected' ? (settled.rejectedByHand?.before ?? 'asked') : status,
        ...(droppedBy === undefined ? {} : { droppedBy }),
      }),
    )
  }

  #countPassed(row: Row): void {
    if (!this.#needsAnswers(row) && findDrop(row.answers) === undefined)
      this.#context.live.outlook.passed += 1
  }
}
