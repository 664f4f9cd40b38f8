// Knows: all situations of the shop.
import type { Situation } from '../situation.ts'
import { chargedTwice } from './charged-twice.ts'
import { delivery } from './delivery.ts'
import { hours } from './hours.ts'
import { lost } from './lost.ts'
import { order } from './order.ts'
import { origin } from './origin.ts'
import { payment } from './payment.ts'
import { place } from './place.ts'
import { price } from './price.ts'
import { queue } from './queue.ts'
import { returned } from './return.ts'
import { rude } from './rude.ts'
import { spoiled } from './spoiled.ts'
import { stampCard } from './stamp-card.ts'
import { stock } from './stock.ts'
import { thanks } from './thanks.ts'
import { work } from './work.ts'

export const SITUATIONS: readonly Situation[] = [
  hours,
  price,
  place,
  stock,
  returned,
  spoiled,
  chargedTwice,
  queue,
  rude,
  delivery,
  payment,
  lost,
  order,
  origin,
  thanks,
  work,
  stampCard,
]
