// Knows: what the corner shop sells: names, prices, shelves, origin. Ordered by demand (Zipf's law), so the end of the list is a long
// tail.
import type { Rng } from '../../domain/rng.ts'
import { pickByRank } from './draws.ts'

/** A product. `name` needs no article: a plural or a mass noun. */
export interface Goods {
  readonly name: string
  readonly one: string
  readonly many: string
  readonly cents: number
  /** 1 to 9. */
  readonly shelf: number
  readonly soldOut: boolean
}

type Row = readonly [name: string, one: string, many: string, cents: number, shelf: number]

const ROWS: readonly Row[] = [
  ['bread', 'loaf of bread', 'loaves of bread', 320, 1],
  ['milk', 'bottle of milk', 'bottles of milk', 145, 2],
  ['apples', 'apple', 'apples', 40, 3],
  ['eggs', 'box of eggs', 'boxes of eggs', 285, 2],
  ['coffee', 'bag of coffee', 'bags of coffee', 590, 5],
  ['butter', 'piece of butter', 'pieces of butter', 235, 2],
  ['tomatoes', 'tomato', 'tomatoes', 35, 3],
  ['rolls', 'roll', 'rolls', 55, 1],
  ['honey', 'jar of honey', 'jars of honey', 420, 4],
  ['rice', 'bag of rice', 'bags of rice', 180, 6],
  ['tea', 'box of tea', 'boxes of tea', 310, 5],
  ['cheese', 'piece of cheese', 'pieces of cheese', 375, 2],
  ['bananas', 'banana', 'bananas', 30, 3],
  ['pasta', 'pack of pasta', 'packs of pasta', 130, 6],
  ['chocolate', 'bar of chocolate', 'bars of chocolate', 165, 7],
  ['orange juice', 'bottle of orange juice', 'bottles of orange juice', 270, 5],
  ['potatoes', 'bag of potatoes', 'bags of potatoes', 255, 3],
  ['jam', 'jar of jam', 'jars of jam', 295, 4],
  ['yoghurt', 'cup of yoghurt', 'cups of yoghurt', 85, 2],
  ['soap', 'bar of soap', 'bars of soap', 125, 8],
  ['biscuits', 'pack of biscuits', 'packs of biscuits', 190, 7],
  ['carrots', 'bunch of carrots', 'bunches of carrots', 160, 3],
  ['flour', 'bag of flour', 'bags of flour', 110, 6],
  ['water', 'bottle of water', 'bottles of water', 75, 5],
  ['candles', 'candle', 'candles', 95, 8],
  ['lemons', 'lemon', 'lemons', 45, 3],
  ['sugar', 'bag of sugar', 'bags of sugar', 120, 6],
  ['pencils', 'pencil', 'pencils', 60, 9],
  ['onions', 'onion', 'onions', 25, 3],
  ['olive oil', 'bottle of olive oil', 'bottles of olive oil', 585, 4],
  ['croissants', 'croissant', 'croissants', 150, 1],
  ['matches', 'box of matches', 'boxes of matches', 50, 8],
  ['cocoa', 'tin of cocoa', 'tins of cocoa', 340, 5],
  ['postcards', 'postcard', 'postcards', 80, 9],
  ['oats', 'bag of oats', 'bags of oats', 155, 6],
  ['grapes', 'bunch of grapes', 'bunches of grapes', 280, 3],
  ['mustard', 'jar of mustard', 'jars of mustard', 175, 4],
  ['napkins', 'pack of napkins', 'packs of napkins', 140, 8],
  ['lemonade', 'bottle of lemonade', 'bottles of lemonade', 195, 5],
  ['pears', 'pear', 'pears', 65, 3],
  ['salt', 'pack of salt', 'packs of salt', 70, 6],
  ['batteries', 'pack of batteries', 'packs of batteries', 450, 8],
  ['muffins', 'muffin', 'muffins', 170, 1],
  ['notebooks', 'notebook', 'notebooks', 245, 9],
  ['cream', 'cup of cream', 'cups of cream', 105, 2],
  ['peanuts', 'bag of peanuts', 'bags of peanuts', 210, 7],
  ['mushrooms', 'box of mushrooms', 'boxes of mushrooms', 230, 3],
  ['light bulbs', 'light bulb', 'light bulbs', 325, 8],
  ['peanut butter', 'jar of peanut butter', 'jars of peanut butter', 360, 4],
  ['cherries', 'box of cherries', 'boxes of cherries', 395, 3],
  ['stamps', 'stamp', 'stamps', 90, 9],
  ['lentils', 'bag of lentils', 'bags of lentils', 185, 6],
  ['chewing gum', 'pack of chewing gum', 'packs of chewing gum', 100, 7],
  ['bagels', 'bagel', 'bagels', 115, 1],
  ['sponges', 'sponge', 'sponges', 135, 8],
  ['vinegar', 'bottle of vinegar', 'bottles of vinegar', 215, 4],
  ['balloons', 'balloon', 'balloons', 20, 9],
  ['garlic', 'bulb of garlic', 'bulbs of garlic', 55, 3],
  ['raisins', 'pack of raisins', 'packs of raisins', 225, 7],
  ['envelopes', 'envelope', 'envelopes', 15, 9],
  ['shoe polish', 'tin of shoe polish', 'tins of shoe polish', 405, 8],
  ['rye bread', 'loaf of rye bread', 'loaves of rye bread', 365, 1],
  ['maple syrup', 'bottle of maple syrup', 'bottles of maple syrup', 560, 4],
  ['crayons', 'box of crayons', 'boxes of crayons', 330, 9],
  ['plums', 'bag of plums', 'bags of plums', 265, 3],
  ['oat milk', 'bottle of oat milk', 'bottles of oat milk', 205, 2],
  ['string', 'roll of string', 'rolls of string', 145, 8],
  ['ginger beer', 'bottle of ginger beer', 'bottles of ginger beer', 240, 5],
  ['marbles', 'bag of marbles', 'bags of marbles', 275, 9],
  ['almonds', 'bag of almonds', 'bags of almonds', 480, 7],
  ['umbrellas', 'umbrella', 'umbrellas', 595, 8],
  ['saffron', 'tin of saffron', 'tins of saffron', 515, 4],
]

/** All products, the most wanted first. Every sixth is sold out. */
export const GOODS: readonly Goods[] = ROWS.map(([name, one, many, cents, shelf], i) => ({
  name,
  one,
  many,
  cents,
  shelf,
  soldOut: i % 6 === 4,
}))

/** Drawn by demand: the probability of rank r falls as 1 / (r + 4). */
export const drawGoods = (rng: Rng): Goods => pickByRank(GOODS, rng)

/** The origin of the goods of a shelf. */
export const originOf = ({ shelf }: Goods): string =>
  shelf === 1
    ? 'our own oven'
    : shelf <= 3
      ? 'a farm nearby'
      : shelf <= 7
        ? 'a wholesaler in town'
        : 'a family firm in the north'
export const ORIGINS: readonly string[] = [
  'our own oven',
  'a farm nearby',
  'a wholesaler in town',
  'a family firm in the north',
]

/** Cents as text: `$4.20`. */
export const writeMoney = (cents: number): string =>
  `$${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
