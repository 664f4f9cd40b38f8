// Knows: the error that ends the reading of an invalid file of unknown origin.

/** Thrown while such a file is read and caught by the caller that began it; the message is for people. */
export class BadFile extends Error {
  override readonly name = 'BadFile'
}
