// Knows: the rules of the shop as facts: what is true, the sentences that state it, and what a wrong reply would state instead.
import { GOODS, ORIGINS, originOf, writeMoney, type Goods } from './goods.ts'
import type { Fact } from './situation.ts'

const HOURS = ['from 8 am to 8 pm', 'from 8 am to 6 pm', 'from 9 am to 1 pm'] as const
const hoursOf = (weekday: string): string =>
  weekday === 'Sunday' ? HOURS[2] : weekday === 'Saturday' ? HOURS[1] : HOURS[0]
const without = (items: readonly string[], key: string): string[] => items.filter((item) => item !== key)

/** Days within which a product can be returned. */
export const RETURN_DAYS = 14

export function hoursFact(weekday: string): Fact {
  const key = hoursOf(weekday)
  return {
    topic: 'hours',
    key,
    others: [...without(HOURS, key), 'all day'],
    sentences: [
      `On ${weekday} we are open ${key}.`,
      `We are open ${key} on ${weekday}.`,
      `You can come ${key} on ${weekday}.`,
    ],
  }
}

const PRICES = [...new Set(GOODS.map(({ cents }) => writeMoney(cents)))]

export function priceFact({ one, cents }: Goods): Fact {
  const key = writeMoney(cents)
  return {
    topic: 'price',
    key,
    others: without(PRICES, key),
    sentences: [
      `One ${one} is ${key}.`,
      `We ask ${key} for one ${one}.`,
      `The price is ${key} for one ${one}.`,
    ],
  }
}

const SHELVES = Array.from({ length: 9 }, (_, i) => `shelf ${i + 1}`)

export function placeFact({ name, shelf }: Goods): Fact {
  const key = `shelf ${shelf}`
  return {
    topic: 'place',
    key,
    others: without(SHELVES, key),
    sentences: [
      `You find the ${name} on ${key}.`,
      `We keep the ${name} on ${key}.`,
      `Please look for the ${name} on ${key}.`,
    ],
  }
}

export function stockFact({ name, soldOut, shelf }: Goods): Fact {
  return soldOut
    ? {
        topic: 'stock',
        key: 'sold out',
        others: ['in stock'],
        sentences: [
          `Today we are sold out of ${name}, but more will come on Thursday.`,
          `We are sold out of ${name} until Thursday.`,
        ],
      }
    : {
        topic: 'stock',
        key: 'in stock',
        others: ['sold out'],
        sentences: [
          `Yes, we have ${name} in stock, on shelf ${shelf}.`,
          `We have ${name} in stock today, on shelf ${shelf}.`,
        ],
      }
}

export const returnFact = (days: number): Fact =>
  days <= RETURN_DAYS
    ? {
        topic: 'return',
        key: 'we take it back',
        others: ['we cannot take it back'],
        sentences: [
          `${days} days is fine: we take it back if you bring the receipt.`,
          `With the receipt we take it back, because ${days} days is within ${RETURN_DAYS} days.`,
        ],
      }
    : {
        topic: 'return',
        key: 'we cannot take it back',
        others: ['we take it back'],
        sentences: [
          `After ${days} days we cannot take it back, because we only do so for ${RETURN_DAYS} days.`,
          `${days} days is more than ${RETURN_DAYS}, so we cannot take it back.`,
        ],
      }

export const amendsFact = ({ name }: Goods): Fact => ({
  topic: 'amends',
  key: 'your money back',
  others: ['no refund', 'nothing for you'],
  sentences: [
    `You get fresh ${name} or your money back.`,
    `Please come by for fresh ${name} or your money back.`,
    `We give you your money back, or fresh ${name} if you like.`,
  ],
})

export const overchargeFact = (): Fact => ({
  topic: 'overcharge',
  key: 'pay the rest back',
  others: ['keep the rest', 'charge it again'],
  sentences: [
    'Please bring the receipt and we pay the rest back.',
    'We pay the rest back as soon as you bring the receipt.',
    'With the receipt we pay the rest back at once.',
  ],
})

export const queueFact = (): Fact => ({
  topic: 'queue',
  key: 'a second till',
  others: ['no till', 'one till less'],
  sentences: [
    'From now on we open a second till when it is busy.',
    'We now have a second till for busy hours.',
    'Next time there is a second till for you.',
  ],
})

export const rudeFact = (): Fact => ({
  topic: 'rude',
  key: 'talk to our team',
  others: ['laugh with our team', 'leave it as it is'],
  sentences: [
    'We will talk to our team about it.',
    'We talk to our team today, so that it does not happen again.',
    'I will talk to our team this evening.',
  ],
})

const DELIVERY_DAYS = ['on Tuesdays', 'on Fridays', 'every morning']

export const deliveryFact = (): Fact => ({
  topic: 'delivery',
  key: 'on Tuesdays',
  others: without(DELIVERY_DAYS, 'on Tuesdays'),
  sentences: [
    'We bring it to your door on Tuesdays for two dollars.',
    'Yes, we deliver on Tuesdays for two dollars.',
    'We deliver on Tuesdays; it is two dollars.',
  ],
})

export const paymentFact = (): Fact => ({
  topic: 'payment',
  key: 'card or cash',
  others: ['cash only', 'card only'],
  sentences: [
    'You can pay by card or cash.',
    'We take card or cash, as you like.',
    'Please pay by card or cash at the till.',
  ],
})

export const lostFact = (): Fact => ({
  topic: 'lost',
  key: 'at the counter',
  others: ['at the station', 'in the bin'],
  sentences: [
    'We keep it for you at the counter.',
    'It is waiting for you at the counter.',
    'You can pick it up at the counter.',
  ],
})

export const orderFact = (): Fact => ({
  topic: 'order',
  key: 'by noon the day before',
  others: ['a week before', 'on the same day'],
  sentences: [
    'Please order by noon the day before and we put it aside for you.',
    'If you tell us by noon the day before, it will be ready.',
    'Gladly: just call us by noon the day before.',
  ],
})

export function originFact(goods: Goods): Fact {
  const key = originOf(goods)
  return {
    topic: 'origin',
    key,
    others: without(ORIGINS, key),
    sentences: [
      `We get our ${goods.name} from ${key}.`,
      `We buy our ${goods.name} from ${key}.`,
      `For ${goods.name} we go to ${key}.`,
    ],
  }
}

export const thanksFact = (): Fact => ({
  topic: 'thanks',
  key: 'glad to hear',
  others: ['sad to hear', 'tired of hearing'],
  sentences: [
    'We are so glad to hear that.',
    'It is lovely of you, and we are glad to hear it.',
    'How nice, we are glad to hear that.',
  ],
})

export const workFact = (): Fact => ({
  topic: 'work',
  key: 'ask for Lena Park',
  others: ['ask for Peter Stone', 'ask next door'],
  sentences: [
    'Please come on Monday and ask for Lena Park.',
    'Just ask for Lena Park at the till.',
    'You can ask for Lena Park, who runs the shop.',
  ],
})

export const stampFact = (): Fact => ({
  topic: 'stamps',
  key: 'the tenth coffee is free',
  others: ['the fifth coffee is free', 'the tenth bread is free'],
  sentences: [
    'You get a stamp with each coffee, and the tenth coffee is free.',
    'With a full card the tenth coffee is free.',
    'It is simple: the tenth coffee is free.',
  ],
})
