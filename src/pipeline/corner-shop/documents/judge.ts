// Knows: a rubric with its examples, and answers with the scores that they deserve. Several follow one another, as turns of one chat.
import { SCORE_PREFIX, writeJudgeChat } from '../../templates/judge-chat.ts'
import { rubricOf, RUBRIC_NAMES } from '../../templates/rubrics.ts'
import { pick } from '../draws.ts'
import { drawItemSource } from '../items.ts'
import { messagesIn, says, type DocumentKind } from './document.ts'

export const judge: DocumentKind = {
  name: 'judge',
  weight: 8,
  draw(rng, { items, isHeldOut }) {
    const name = pick(RUBRIC_NAMES, rng)
    const rubric = rubricOf(name, '')
    const turns = Array.from({ length: items }, () => {
      const { prompt, completion, scores } = drawItemSource(rng, isHeldOut).draw(rng)
      const asked = messagesIn(writeJudgeChat(rubric, prompt, completion))
      return {
        asked,
        answer: says(
          `${SCORE_PREFIX} ${name.startsWith('helpfulness') ? scores.helpfulness : scores.correctness}`,
        ),
      }
    })
    const shared = turns[0]?.asked.slice(0, -1) ?? []
    return {
      kind: 'chat',
      messages: [...shared, ...turns.flatMap(({ asked, answer }) => [...asked.slice(-1), answer])],
      learnFrom: shared.length,
      times: 8,
    }
  },
}
