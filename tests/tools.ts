/**
 * Programs beside Deno, which a machine may lack.
 *
 * @module
 */

/** Whether a program is here and succeeds; where it is not, Deno throws at once. */
export async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}
