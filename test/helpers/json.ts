// JSON answers in tests: the caller says what shape the API promises, the assertions that follow check it.

export async function readJson<T>(response: Response | Promise<Response>): Promise<T> {
  return (await (await response).json()) as T // checked by the assertions of the test that asks
}
