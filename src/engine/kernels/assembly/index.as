// What the host calls: programs, alone or with helpers; single functions for the self-test and tests.
export { multiply } from './products'
export { roundRow } from './round'
export { run } from './program'
export { dismiss, lead, serve } from './threads'
