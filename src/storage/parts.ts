// Knows: how many requests of a transaction are made at once, so that no task of the page's thread is long.

/** Requests made at a time: copying this many records takes a few milliseconds. */
const REQUESTS_PER_PART = 64

/** Makes a request for each item, a part of them at a time; a transaction stays open meanwhile. Results are in the items' order. */
export async function requestInParts<Item, Result>(
  items: Iterable<Item>,
  request: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let part: Promise<Result>[] = []
  const wait = async (): Promise<void> => {
    for (const result of await Promise.all(part)) results.push(result)
    part = []
  }
  for (const item of items) {
    part.push(request(item))
    if (part.length === REQUESTS_PER_PART) await wait()
  }
  await wait()
  return results
}
