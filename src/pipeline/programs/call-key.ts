// Knows: the address of a call in the journal: a hash of what determines its reply.
import { hashOf, type Json } from '../../domain/hash.ts'
import type { Role } from '../../domain/reply.ts'
import type { Call } from './program.ts'

/** What identifies the model of a role, such as its fingerprint and how its weights are held. */
export type IdentifyModel = (role: Role) => Json

/**
 * 32 hexadecimal digits (128 bits) of the hash of the request and its model. The request's id, the role's name and switches at their
 * default are no part of it: the same request by another step, run or trial has the same address.
 */
export function callKey(call: Call, identify: IdentifyModel): string {
  return hashOf(describeCall(call, identify)).slice(0, 32)
}

function describeCall(call: Call, identify: IdentifyModel): Json {
  switch (call.kind) {
    case 'complete': {
      const { input, sampling, logProbs, format, thinking } = call.request
      return {
        kind: call.kind,
        model: identify(call.role),
        input: inputOf(input),
        sampling: { ...sampling, stop: [...sampling.stop] },
        logProbs,
        format: format && { ...format },
        thinking: thinking || undefined,
      }
    }
    case 'score': {
      const { input, answerPrefix, continuations } = call.request
      return {
        kind: call.kind,
        model: identify(call.role),
        input: inputOf(input),
        answerPrefix: answerPrefix || undefined,
        continuations: [...continuations],
      }
    }
    case 'novelty':
      return {
        kind: call.kind,
        pool: call.pool.digest,
        threshold: call.threshold,
        candidates: [...call.candidates],
      }
    default:
      return call satisfies never
  }
}

const inputOf = (input: Extract<Call, { kind: 'score' }>['request']['input']): Json =>
  input.kind === 'raw'
    ? { raw: input.text }
    : { messages: input.messages.map(({ role, content }) => ({ role, content })) }
