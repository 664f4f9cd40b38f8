// Knows: the filter that uses the final-answer verifier: rejection sampling on problems with reference answers.
import { dropped, kept } from '../../domain/filter-decision.ts'
import { choice } from '../../domain/settings.ts'
import { readFinalAnswer, verifyFinalAnswer } from '../verifiers/final-answer.ts'
import { defineFilter } from './filter.ts'

/**
 * Keeps completions whose final answer equals the seed's reference answer exactly. With several completions per prompt, training
 * on the kept rows is rejection-sampling fine-tuning. Source: STaR (Zelikman et al. 2022), RFT (Yuan et al. 2023).
 */
export const finalAnswer = defineFilter({
  name: 'final-answer',
  title: 'Right final answer',
  help: 'Keeps completions whose final answer (after “Answer:”, “####” or in \\boxed{}) equals the seed’s reference answer. Needs no judge.',
  source: {
    citation: 'Yuan et al. 2023 (rejection-sampling fine-tuning)',
    link: 'https://arxiv.org/abs/2308.01825',
  },
  usesReference: true,
  ofPrompts: false,
  takes: ['completions'],
  gives: ['completions'],
  settings: {
    unknown: choice({
      label: 'Without a reference answer',
      help: 'What to do with completions of grown prompts and of seeds without an answer.',
      choices: ['drop', 'keep'],
      default: 'drop',
    }),
  },
  decide({ completion, reference, settings: { unknown } }) {
    const right = reference === undefined ? undefined : verifyFinalAnswer(completion, reference)
    const found = readFinalAnswer(completion)
    if (reference === undefined || right === undefined) {
      const reason = reference === undefined ? 'no reference answer' : 'the reference answer is not a number'
      return unknown === 'keep' ? kept({ verified: reason }) : dropped(reason)
    }
    const evidence = { reference, ...(found === undefined ? {} : { found }) }
    if (right) return kept(evidence)
    return dropped(found === undefined ? 'no final answer' : 'the final answer is wrong', evidence)
  },
})
