// Knows: which parts of a request its teacher does not support, in a sentence; every adapter checks this before it starts.
// Must not know: any one adapter.
import type { OutputFormat, CompletionRequest } from '../../src/domain/completion-request.ts'
import { GREEDY, SAMPLING_NAMES } from '../../src/domain/sampling.ts'
import type { Capabilities } from '../../src/domain/teacher-description.ts'

const FORMS: Readonly<Record<OutputFormat['kind'], string>> = {
  'json-schema': 'a JSON schema',
  grammar: 'a grammar',
}

/** Why this teacher cannot serve a request; undefined if it can. */
export function refusalOf(
  {
    input,
    sampling,
    logProbs = 0,
    format,
  }: Pick<CompletionRequest, 'input' | 'logProbs' | 'format'> & Partial<Pick<CompletionRequest, 'sampling'>>,
  capabilities: Capabilities,
): string | undefined {
  if (input.kind === 'chat' && !capabilities.chat)
    return 'This teacher cannot respond to chats: it has no chat template that can be used. Choose one for it on the Teacher screen, use a step with raw prompts, or load a model that has one.'
  if (input.kind === 'raw' && !capabilities.rawPrompts)
    return 'This teacher cannot continue a raw text: it responds to chats only. Use a step with chat prompts, or load a model file.'
  if (logProbs > capabilities.logProbs) {
    return capabilities.logProbs === 0
      ? 'This teacher returns no probabilities of the tokens that it generates.'
      : `This teacher returns at most the top ${capabilities.logProbs} tokens, and ${logProbs} were requested.`
  }
  if (format !== undefined && !capabilities.outputFormats.includes(format.kind))
    return `This teacher does not support ${FORMS[format.kind]} as an output format.`
  const unsupported =
    sampling &&
    SAMPLING_NAMES.find((name) => !capabilities.sampling.includes(name) && sampling[name] !== GREEDY[name])
  if (unsupported !== undefined)
    return `This teacher does not support \`${unsupported}\`. Set it to ${GREEDY[unsupported]}, which has no effect.`
  return undefined
}
