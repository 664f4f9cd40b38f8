// Knows: what a request wants that its teacher does not give, in a sentence; every adapter asks here before it works.
// Must not know: any one adapter.
import {
  GREEDY,
  SAMPLING_NAMES,
  type AnswerFormat,
  type CompletionRequest,
  type TeacherGives,
} from '../../src/domain/model.ts'

const FORMS: Readonly<Record<AnswerFormat['kind'], string>> = {
  'json-schema': 'a JSON schema',
  grammar: 'a grammar',
}

/** Why a request cannot be worked on by this teacher; undefined where it can. */
export function refusalOf(
  {
    asked,
    sampling,
    logProbs = 0,
    format,
  }: Pick<CompletionRequest, 'asked' | 'logProbs' | 'format'> & Partial<Pick<CompletionRequest, 'sampling'>>,
  gives: TeacherGives,
): string | undefined {
  if (asked.kind === 'chat' && !gives.chat)
    return 'This teacher cannot answer chats: it has no chat template. Ask it to continue a text, or load a model that has one.'
  if (asked.kind === 'raw' && !gives.rawPrompts)
    return 'This teacher cannot continue a raw text: it answers chats only. Use a step that asks by chat, or load a model file.'
  if (logProbs > gives.logProbs) {
    return gives.logProbs === 0
      ? 'This teacher tells no probabilities of the tokens that it writes.'
      : `This teacher tells the ${gives.logProbs} likeliest tokens at most, and ${logProbs} were asked for.`
  }
  if (format !== undefined && !gives.formats.includes(format.kind))
    return `This teacher cannot be held to ${FORMS[format.kind]} while it writes.`
  const untaken =
    sampling &&
    SAMPLING_NAMES.find((name) => !gives.sampling.includes(name) && sampling[name] !== GREEDY[name])
  if (untaken !== undefined)
    return `This teacher cannot be told \`${untaken}\`. Set it to ${GREEDY[untaken]}, which changes nothing.`
  return undefined
}
