// Knows: the complete step that takes a person's own answers, so that a dataset needs no model.
import { GREEDY } from '../../domain/sampling.ts'
import { rowId } from '../../domain/row.ts'
import { PERSON } from '../../domain/people.ts'
import { defineCompleter } from './completer.ts'

const NO_ANSWER = 'The seed has no answer. Add one on the Seeds screen, or map a column of your file to it.'

export const given = defineCompleter({
  name: 'given',
  title: 'Use the answers given',
  help: 'The answer that a seed was added with is its completion: your own data, without any model.',
  settings: {},
  roleOf: () => undefined,
  countRows: () => 1,
  maxTokens: () => 0,
  plan: ({
    prompts,
    first = 0,
    place: { ordinal, perPrompt, offset } = { ordinal: 0, perPrompt: 1, offset: 0 },
  }) =>
    prompts.map((prompt, i) => ({
      id: rowId({ prompt: prompt.id, given: prompt.reference ?? null, ordinal }),
      promptId: prompt.id,
      seedId: prompt.seedId,
      prompt: prompt.text,
      ...(prompt.earlier ? { earlier: prompt.earlier } : {}),
      ...(prompt.fields ? { fields: prompt.fields } : {}),
      variant: 0,
      order: (first + i) * perPrompt + offset,
      system: '',
      sampling: { ...GREEDY, maxTokens: 0, rngSeed: PERSON.fingerprint },
    })),
  // oxlint-disable-next-line require-yield -- a program without calls
  *write(_planned, _settings, { reference }) {
    return {
      text: reference ?? '',
      finishReason: 'end',
      tokens: 0,
      ...(reference === undefined ? { refusal: NO_ANSWER } : {}),
    }
  },
  describe: () => 'The completions are the answers that the seeds were added with, written by people.',
})
