// Knows: how a server switches a model's reasoning off and on, found out by trying: an unknown field is refused by some servers and ignored
// by others, and a model may reason whatever it is sent.
// Must not know: the other capabilities (probe.ts).
import { splitReasoning } from '../../../src/pipeline/reasoning/split-reasoning.ts'
import type { Body } from './json.ts'
import type { Piece } from './parse.ts'

export interface ReasoningSwitch {
  /** Fields of a request that switch reasoning off, as far as the server can; none if it accepts none. */
  readonly off: Body
  /** Fields that switch it on. */
  readonly on: Body
  /** The model reasons although it is switched off. */
  readonly isAlwaysOn: boolean
  /** The model reasons when it is switched on. */
  readonly canReason: boolean
  /** The template opens the reasoning and the server does not separate it: content begins inside it. */
  readonly opened: { readonly off: boolean; readonly on: boolean }
  /** Max tokens that outlasted the reasoning in a probe; absent if it is never on by itself, or did not end. */
  readonly budget?: number
}

/** A server without any switch, and a model that does not reason. */
export const NO_REASONING: ReasoningSwitch = {
  off: {},
  on: {},
  isAlwaysOn: false,
  canReason: false,
  opened: { off: false, on: false },
}

/** By whom: OpenAI and Ollama's /v1; llama.cpp, vLLM and SGLang (two names, as templates have two); Ollama's own protocol. */
const OFF: readonly Body[] = [
  { reasoning_effort: 'none' },
  { chat_template_kwargs: { enable_thinking: false, thinking: false } },
  { think: false },
]
const ON: readonly Body[] = [
  { chat_template_kwargs: { enable_thinking: true, thinking: true } },
  { think: true },
  { reasoning_effort: 'medium' },
]
/** Where reasoning cannot be switched off, it can be made short. */
const LESS: readonly Body[] = [{ reasoning_effort: 'minimal' }, { reasoning_effort: 'low' }]
/** Max tokens of probes whose reasoning must end. The first is also that of a text which may be reasoning without an opening mark. */
export const BUDGETS: readonly number[] = [512, 2048]

const all = (fields: readonly Body[]): Body => Object.assign({}, ...fields)

/** Greedy, with these fields and this many tokens, or with the few of all probes; undefined if refused. */
export type GenerateGreedy = (fields: Body, maxTokens?: number) => Promise<Piece | undefined>

/** The switch, and the server's greedy answer with reasoning switched off. */
export async function probeReasoning(
  generate: GenerateGreedy,
): Promise<{ readonly reasoning: ReasoningSwitch; readonly greedy: Piece | undefined }> {
  const found = await findOff(generate)
  if (found === undefined) return { reasoning: NO_REASONING, greedy: undefined }
  const { off, piece: greedy } = found
  const openedOff = !reasons(greedy) && (await isOpened(generate, off, greedy))
  const isAlwaysOn = openedOff || reasons(greedy)
  const budget = isAlwaysOn ? await findBudget(generate, off) : undefined
  const on = await findOn(generate)
  const differs = on.piece !== undefined && generatedOf(on.piece) !== generatedOf(greedy)
  const openedOn =
    on.piece !== undefined &&
    !reasons(on.piece) &&
    (openedOff || (differs && (await isOpened(generate, on.fields, on.piece))))
  return {
    greedy,
    reasoning: {
      off,
      on: on.fields,
      isAlwaysOn,
      canReason: isAlwaysOn || openedOn || (on.piece !== undefined && reasons(on.piece)),
      opened: { off: openedOff, on: openedOn },
      ...(budget === undefined ? {} : { budget }),
    },
  }
}

/** All that a model generated, reasoning included. */
export const generatedOf = ({ reasoning, text }: Piece): string => reasoning + text

/** Whether a short answer is, or begins with, reasoning; some servers hide it and send nothing. */
export function reasons(piece: Piece): boolean {
  const { reasoning, unfinished } = splitReasoning(piece.text)
  return (
    piece.reasoning !== '' ||
    reasoning !== undefined ||
    unfinished === true ||
    (piece.text.trim() === '' && piece.finish === 'length')
  )
}

/** The response after reasoning that a probe outlasted; undefined if it did not. */
export function responseOf(piece: Piece, opened: boolean): string | undefined {
  const { text, unfinished } = splitReasoning(piece.text, { opened: opened && piece.reasoning === '' })
  return unfinished || (text.trim() === '' && piece.finish === 'length') ? undefined : text
}

async function findOff(generate: GenerateGreedy): Promise<{ off: Body; piece: Piece } | undefined> {
  let last: { off: Body; piece: Piece } | undefined
  const attempt = async (off: Body): Promise<boolean> => {
    const piece = await generate(off)
    if (piece === undefined) return false
    last = { off, piece }
    return true
  }
  if (!(await attempt(all(OFF)))) {
    // Refused together: each alone, until one is accepted and works.
    for (const fields of OFF) if ((await attempt(fields)) && last && !reasons(last.piece)) return last
  }
  if (last !== undefined && reasons(last.piece))
    for (const fields of LESS) if (await attempt(fields)) return last
  if (last === undefined) await attempt({})
  return last
}

async function findOn(generate: GenerateGreedy): Promise<{ fields: Body; piece: Piece | undefined }> {
  for (const fields of [all(ON), ...ON]) {
    const piece = await generate(fields)
    if (piece !== undefined) return { fields, piece }
  }
  return { fields: {}, piece: undefined }
}

/** Whether an answer that does not look like one to the prompt turns out to be reasoning that ends with a closing mark. */
async function isOpened(generate: GenerateGreedy, fields: Body, { text, finish }: Piece): Promise<boolean> {
  if (finish !== 'length' || /yes/i.test(text)) return false
  const piece = await generate(fields, BUDGETS[0])
  return piece !== undefined && splitReasoning(piece.text).reasoning !== undefined
}

async function findBudget(generate: GenerateGreedy, off: Body): Promise<number | undefined> {
  for (const budget of BUDGETS) {
    const piece = await generate(off, budget)
    if (piece === undefined) return undefined
    if (responseOf(piece, false) !== undefined) return budget
  }
  return undefined
}
