// Knows: the member of the grow family that grows prompts as Self-Instruct does. plan-growth.ts plans requests, read-grown.ts reads them.
// Must not know: workers, storage.
// Source: Wang et al. 2022 (arXiv 2212.10560) and its code, self_instruct/bootstrap_instructions.py.
import { findUnsupportedSampling } from '../unsupported-sampling.ts'
import { growInRounds } from './grow-program.ts'
import { defineGrow } from './growth.ts'
import { SELF_INSTRUCT_SETTINGS } from './plan-growth.ts'

/**
 * Grows prompts from the seeds. Defaults are the reference's, except max tokens (1024 there) and top-p: there 0.5 is combined
 * with a presence penalty of 2; without one, 0.5 makes a small teacher repeat the same prompt.
 */
export const selfInstruct = defineGrow({
  name: 'self-instruct',
  title: 'Grow prompts (Self-Instruct)',
  help: 'The teacher continues a numbered list of seeds and prompts that it grew earlier; only new and usable prompts are kept.',
  source: { citation: 'Wang et al. 2022 (Self-Instruct)', link: 'https://arxiv.org/abs/2212.10560' },
  settings: SELF_INSTRUCT_SETTINGS,
  check({ minWords, maxWords, lastItem, humanShots, machineShots }) {
    if (minWords > maxWords)
      return [
        {
          field: 'minWords',
          sentence: `\`minWords\` (${minWords}) is more than \`maxWords\` (${maxWords}), so nothing can pass.`,
        },
      ]
    if (lastItem <= humanShots + machineShots)
      return [
        {
          field: 'lastItem',
          sentence: `the list shows ${humanShots} + ${machineShots} prompts and ends at number ${lastItem}, so there is no room for new ones. Raise \`lastItem\`.`,
        },
      ]
    return []
  },
  needs({ prompts }) {
    if (prompts === 0) return []
    return [
      {
        role: 'teacher',
        ability: 'rawPrompts',
        without: (model) =>
          `growing prompts needs a teacher that continues raw text, and ${model} does not support it. Set \`prompts\` to 0, or load another model.`,
      },
    ]
  },
  checkModels({ prompts, ...settings }, modelOf) {
    if (prompts === 0) return []
    const { contextLength } = modelOf('teacher')
    const { maxTokens } = settings
    return [
      ...(maxTokens >= contextLength
        ? [
            {
              field: 'maxTokens',
              sentence: `${maxTokens} tokens of response leave no room for the list of examples: the teacher’s context length is ${contextLength}. Lower \`maxTokens\`.`,
            },
          ]
        : []),
      ...findUnsupportedSampling(settings, modelOf('teacher')),
    ]
  },
  countPrompts: ({ prompts }) => prompts,
  addsSeeds: ({ alsoSeeds }) => alsoSeeds,
  maxTokens: ({ maxTokens }) => maxTokens,
  leavesOut({ seeds, of = 'seed', withTurns, withSystem, system }) {
    const left = [
      ...(withTurns > 0
        ? [
            `${withTurns} of ${seeds} ${of}s ${withTurns === 1 ? 'is a conversation' : 'are conversations'}: Self-Instruct shows the teacher only the last message, and grown prompts begin new conversations.`,
          ]
        : []),
      ...(withSystem > 0 && system === undefined
        ? [
            `${withSystem} of ${seeds} ${of}s ${withSystem === 1 ? 'has a system message' : 'have system messages'}, which not all ${of}s share: grown prompts have none.`,
          ]
        : []),
    ]
    return left.length === 0
      ? undefined
      : `${left.join(' ')} To keep what is before the last message, use “Evolve prompts” or “Include the seeds”.`
  },
  grow: growInRounds,
  describe: ({ humanShots, machineShots, novelty, alsoSeeds }, from, isLater = false) =>
    `Prompts grown from ${from} by Self-Instruct (Wang et al. 2022): ${humanShots} human and ${machineShots} grown examples per request; a new prompt was dropped if its ROUGE-L with a seed or an earlier prompt was above ${novelty}.${isLater ? ' Those are prompts too.' : ''}${alsoSeeds ? ' The seeds are prompts too.' : ''}`,
})
