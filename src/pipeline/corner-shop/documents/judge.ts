// Knows: a rubric with its examples, and completions with their true scores. Several in one chat, as turns.
import { SCORE_PREFIX, writeJudgeChat } from '../../templates/judge-chat.ts'
import { rubricOf, RUBRIC_NAMES } from '../../templates/rubrics.ts'
import { pick } from '../draws.ts'
import { drawItemSource } from '../items.ts'
import { assistantMessage, messagesOf, type DocumentKind } from './document.ts'

export const judge: DocumentKind = {
  name: 'judge',
  weight: 8,
  draw(rng, { items, isHeldOut }) {
    const name = pick(RUBRIC_NAMES, rng)
    const rubric = rubricOf(name, '')
    const turns = Array.from({ length: items }, () => {
      const { prompt, completion, scores } = drawItemSource(rng, isHeldOut).draw(rng)
      const input = messagesOf(writeJudgeChat(rubric, prompt, completion))
      return {
        input,
        answer: assistantMessage(
          `${SCORE_PREFIX} ${name.startsWith('helpfulness') ? scores.helpfulness : scores.correctness}`,
        ),
      }
    })
    const shared = turns[0]?.input.slice(0, -1) ?? []
    return {
      kind: 'chat',
      messages: [...shared, ...turns.flatMap(({ input, answer }) => [...input.slice(-1), answer])],
      learnFrom: shared.length,
      times: 8,
    }
  },
}
