// Knows: that pools of different names never see each other's texts, and that a lost pool is an error instead of an empty one.
import { expect, test } from 'vitest'
import { NoveltyPools } from '../../workers/corpus/novelty-pools.ts'

const SEED = 'Name three things that float on water.'
const kinds = (pools: NoveltyPools, name: string, ...texts: string[]): string[] =>
  pools.decide(name, texts, 0.7).map(({ kind }) => kind)

test('a pool keeps its texts while others are filled and reset', () => {
  const pools = new NoveltyPools()
  pools.remember('run', [SEED], true)
  pools.remember('trial', ['Say what a lighthouse is for.'], true)
  expect(kinds(pools, 'trial', SEED)).toEqual(['kept'])
  expect(kinds(pools, 'run', SEED, 'Say what a lighthouse is for.')).toEqual(['dropped', 'kept'])
  pools.remember('trial', [], true)
  expect(kinds(pools, 'trial', SEED)).toEqual(['kept'])
  expect(kinds(pools, 'run', SEED)).toEqual(['dropped'])
  pools.forget('trial')
  expect(pools.names).toEqual(['run'])
})

test('a pool that is not there is an error: an empty one would keep what the full one drops', () => {
  const pools = new NoveltyPools()
  pools.remember('run', [SEED])
  pools.forget('run')
  expect(() => pools.decide('run', [SEED], 0.7)).toThrow(/was restarted/)
})
