// Knows: notes to all customers, for the door.
import type { Rng } from '../../domain/rng.ts'
import { pick } from './draws.ts'
import { drawGoods } from './goods.ts'
import { WEEKDAYS } from './situation.ts'

const NEWS = [
  'we are closed on {weekday}',
  'we open an hour later on {weekday}',
  'the card reader is broken today',
  'fresh {goods} come in on {weekday}',
  'we have no {goods} today',
  'the shop is closed for lunch until two',
  'there is free coffee on {weekday}',
  'dogs must wait outside',
  'the door must stay closed in winter',
  'we are looking for help on {weekday}',
  '{goods} cost half as much on {weekday}',
  'the second till opens on {weekday}',
]
const REQUESTS = [
  'Write a note for the door: {news}.',
  'Tell all customers that {news}.',
  'Write a sign which says that {news}.',
  'Let our customers know that {news}.',
]

export interface Note {
  readonly text: string
  /** The content of the note. */
  readonly news: string
}

export function drawNote(rng: Rng): Note {
  const news = pick(NEWS, rng)
    .replace('{weekday}', pick(WEEKDAYS, rng))
    .replace('{goods}', drawGoods(rng).name)
  return { news, text: pick(REQUESTS, rng).replace('{news}', news) }
}

const THANKS = ['Thank you!', 'Thank you for your patience.', 'Thank you for understanding.', 'See you soon!']

export const writeNote = ({ news }: Note, rng: Rng): string => `Dear customers, ${news}. ${pick(THANKS, rng)}`

/** The note that a task requests; undefined if it requests something else. */
export const readNote = (text: string): Note | undefined => {
  const news =
    /^(?:Write a note for the door: |Tell all customers that |Write a sign which says that |Let our customers know that )(.+)\.$/.exec(
      text,
    )?.[1]
  return news === undefined ? undefined : { text, news }
}

export const noteFollows = ({ news }: Note, text: string): boolean =>
  text.includes(news) && /customers/.test(text)
