// Knows: the address of a call in the journal: a hash of what determines its reply.
import type { ChatMessage, PromptInput } from '../../domain/completion-request.ts'
import { canonicalJson, hashOf, SharedStart, type Json } from '../../domain/hash.ts'
import type { Role } from '../../domain/reply.ts'
import type { Call } from './program.ts'

/** What identifies the model of a role, such as its fingerprint and how its weights are held. */
export type IdentifyModel = (role: Role) => Json

/**
 * 32 hexadecimal digits (128 bits) of the hash of the request and its model. The request's id, the role's name and switches at their
 * default are no part of it: the same request by another step, run or trial has the same address.
 */
export function callKey(call: Call, identify: IdentifyModel): string {
  return hashCall(call, identify).slice(0, 32)
}

/**
 * The hash of canonical JSON: journals of projects are addressed by it, so that the text must not change. It is written here by hand, since
 * it is what a call costs: the fields in their order, and what many calls share written and hashed once.
 */
function hashCall(call: Call, identify: IdentifyModel): string {
  switch (call.kind) {
    case 'complete': {
      const { input, sampling, logProbs, format, thinking } = call.request
      const before = format === undefined ? '' : `"format":${canonicalJson({ ...format })},`
      const after = [
        '"kind":"complete"',
        ...(logProbs === undefined ? [] : [`"logProbs":${canonicalJson(logProbs)}`]),
        `"model":${modelJson(identify(call.role))}`,
        `"sampling":${canonicalJson({ ...sampling, stop: [...sampling.stop] })}`,
        ...(thinking ? ['"thinking":true'] : []),
      ]
      return hashAround(`{${before}`, input, `,${after.join(',')}}`)
    }
    case 'score': {
      const { input, answerPrefix, continuations } = call.request
      const before = answerPrefix ? `"answerPrefix":${JSON.stringify(answerPrefix)},` : ''
      return hashAround(
        `{${before}"continuations":${canonicalJson(continuations)},`,
        input,
        `,"kind":"score","model":${modelJson(identify(call.role))}}`,
      )
    }
    case 'embed':
      return hashText(
        '',
        `{"kind":"embed","model":${modelJson(identify(call.role))},"text":${JSON.stringify(call.request.text)}}`,
      )
    case 'novelty':
      return hashOf({
        kind: call.kind,
        pool: call.pool.digest,
        threshold: call.threshold,
        candidates: [...call.candidates],
      })
    default:
      return call satisfies never
  }
}

const modelTexts = new WeakMap<object, string>()

/** The identity of a model is one object for all of its calls. */
function modelJson(model: Json): string {
  if (typeof model !== 'object' || model === null) return canonicalJson(model)
  const known = modelTexts.get(model)
  if (known !== undefined) return known
  const text = canonicalJson(model)
  modelTexts.set(model, text)
  return text
}

/** Starts that were hashed lately, by their text: one for each system prompt of the steps at work. */
const starts = new Map<string, SharedStart>()
const MAX_STARTS = 32
/** Min characters of a first message for which that pays. */
const MIN_SHARED = 100

/** Hashes the input of a call between its other fields. */
function hashAround(before: string, input: PromptInput, after: string): string {
  if (input.kind === 'raw')
    return hashText('', `${before}"input":{"raw":${JSON.stringify(input.text)}}${after}`)
  const { messages } = input
  const [first] = messages
  const isShared = messages.length > 1 && first !== undefined && first.content.length >= MIN_SHARED
  const texts = messages.map(messageJson)
  return isShared
    ? hashText(`${before}"input":{"messages":[${texts[0]}`, `,${texts.slice(1).join(',')}]}${after}`)
    : hashText('', `${before}"input":{"messages":[${texts.join(',')}]}${after}`)
}

const messageJson = ({ role, content }: ChatMessage): string =>
  `{"content":${JSON.stringify(content)},"role":${JSON.stringify(role)}}`

function hashText(start: string, rest: string): string {
  const known = starts.get(start)
  if (known) return known.hashWith(rest)
  if (starts.size >= MAX_STARTS) starts.clear()
  const made = new SharedStart(start)
  starts.set(start, made)
  return made.hashWith(rest)
}
