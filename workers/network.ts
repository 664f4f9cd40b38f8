// Knows: the network worker's contract: the page starts it while something that the person switched on needs another origin.
// A thin shell: network/ does the work. Its policy (hosting/headers.ts) is the only one that allows other origins.
import type { NetworkContract } from '../src/protocol/network.ts'
import { serveSelf } from '../src/protocol/serve-self.ts'
import { makeNetworkService } from './network/serve-network.ts'

serveSelf<NetworkContract>(makeNetworkService((request, init) => fetch(request, init)))
