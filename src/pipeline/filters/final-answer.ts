// Knows: the filter that asks the verifier of final answers: rejection sampling on problems whose answers are known.
import { dropped, kept } from '../../domain/filter-answer.ts'
import { choice } from '../../domain/settings.ts'
import { readFinalAnswer, verifyFinalAnswer } from '../verifiers/final-answer.ts'
import { defineFilter } from './filter.ts'

/**
 * Keeps completions that end at the seed's known answer, compared exactly. With several completions a prompt, training on what is
 * left is rejection-sampling fine-tuning. Source: STaR (Zelikman et al. 2022), RFT (Yuan et al. 2023).
 */
export const finalAnswer = defineFilter({
  name: 'final-answer',
  title: 'Right final answer',
  help: 'Keeps completions whose number behind “Answer:” is the seed’s known answer. No judge is needed: the answer proves itself.',
  readsAnswer: true,
  settings: {
    unknown: choice({
      label: 'Where no answer is known',
      help: 'Grown prompts, and seeds without an answer, have nothing to compare with.',
      choices: ['drop', 'keep'],
      default: 'drop',
    }),
  },
  decide({ completion, answer, settings: { unknown } }) {
    const right = answer === undefined ? undefined : verifyFinalAnswer(completion, answer)
    const said = readFinalAnswer(completion)
    if (answer === undefined || right === undefined) {
      const why =
        answer === undefined ? 'no answer is known to compare with' : 'the known answer is no number'
      return unknown === 'keep' ? kept({ verified: why }) : dropped(why)
    }
    const evidence = { wanted: answer, ...(said === undefined ? {} : { said }) }
    if (right) return kept(evidence)
    return dropped(
      said === undefined ? 'no final answer behind “Answer:”' : 'the final answer is wrong',
      evidence,
    )
  },
})
