// Knows: to which position of a list a dragged item goes.

/** Pixels at the window's edges within which a drag scrolls. */
const EDGE = 80

/** The position (from 0) of the item at `from` if it is dropped at height `y`; `middles` are the heights of all items' middles. */
export const findTarget = (middles: readonly number[], from: number, y: number): number =>
  middles.filter((middle, at) => at !== from && middle < y).length

/** Pixels to scroll in this frame of a drag at height `y`. */
export const scrollBy = (y: number, height: number): number =>
  y < EDGE ? (y - EDGE) / 5 : y > height - EDGE ? (y - height + EDGE) / 5 : 0
