// Knows: the customers of the corner shop.
import type { Rng } from '../../domain/rng.ts'
import { chance, pick } from './draws.ts'

export const CUSTOMERS: readonly string[] = [
  'A customer',
  'A student',
  'An old man',
  'An old lady',
  'A young mother',
  'A neighbour',
  'A tourist',
  'A teacher',
  'A regular customer',
  'A new neighbour',
  'A father of two',
  'A woman with a dog',
  'A boy',
  'A girl',
  'A nurse',
  'A baker',
  'A gardener',
  'A driver',
  'A young couple',
  'A painter',
  'A bus driver',
  'A musician',
  'A waiter',
  'A carpenter',
]

/** Added after the customer: irrelevant to the reply. */
export const MANNERS: readonly string[] = [
  'in a hurry',
  'on the phone',
  'at the till',
  'at the door',
  'from across the street',
  'by email',
  'with a full basket',
  'after work',
  'early in the morning',
  'just before closing time',
]

/** A subject such as “A nurse on the phone”. */
export const drawCustomer = (rng: Rng): string =>
  `${pick(CUSTOMERS, rng)}${chance(0.4, rng) ? ` ${pick(MANNERS, rng)}` : ''}`

/** People of word problems, with their pronoun. */
export const NAMES: readonly { readonly name: string; readonly they: string }[] = [
  ...['Ben', 'Tom', 'Ali', 'Karl', 'Omar', 'Jack', 'Luis', 'Noah', 'Ivan', 'Peter', 'Sam', 'Hugo'].map(
    (name) => ({ name, they: 'he' }),
  ),
  ...['Mia', 'Ann', 'Lena', 'Sara', 'Emma', 'Rosa', 'Nina', 'Ida', 'Clara', 'Yuki', 'Julia', 'Eva'].map(
    (name) => ({ name, they: 'she' }),
  ),
]
