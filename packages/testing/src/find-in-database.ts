import pg from "pg";

/** The names of all tables with a row that holds `text`, as characters or as bytes: what a thief of the database finds. */
export async function findInDatabase(databaseUrl: string, text: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    );
    if (tables.rows.length === 0) throw new Error("the database has no tables: nothing could be found in it");
    const found: string[] = [];
    for (const { name } of tables.rows) {
      // The name was quoted by Postgres itself; a row as text shows bytes in hexadecimal.
      const { rowCount } = await client.query(
        `SELECT FROM ${name} AS t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0 LIMIT 1`,
        [text, Buffer.from(text).toString("hex")],
      );
      if (rowCount !== 0) found.push(name);
    }
    return found;
  } finally {
    await client.end();
  }
}
