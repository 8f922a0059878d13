/** The database's tables, in types that SQLite and PostgreSQL both have. Text never holds U+0000: neither keeps it. */
export interface Tables {
  readonly virtual_keys: VirtualKeysTable;
  readonly aliases: AliasesTable;
  readonly chatbots: ChatbotsTable;
  readonly conversations: ConversationsTable;
  readonly usage: UsageTable;
  readonly usage_writers: UsageWritersTable;
  readonly settings: SettingsTable;
}

interface VirtualKeysTable {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly hint: string;
  /** JSON: limits come and go without a migration. */
  readonly rights: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

interface AliasesTable {
  readonly alias: string;
  /** JSON: model ids in the order to try. */
  readonly models: string;
}

interface ChatbotsTable {
  readonly id: string;
  /** JSON: everything else about it. */
  readonly definition: string;
}

interface ConversationsTable {
  readonly id: string;
  readonly chatbot_id: string;
  readonly key_id: string;
  readonly version: number;
  readonly sealed: Uint8Array;
  readonly expires_at_ms: number;
}

interface UsageTable {
  readonly day: string;
  readonly key_id: string;
  readonly model: string;
  readonly requests: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly completion_tokens: number;
  readonly cost_nano_usd: number;
}

/** Up to which batch each router process has written its usage. */
interface UsageWritersTable {
  readonly writer: string;
  readonly last_batch: number;
  readonly written_at_ms: number;
}

interface SettingsTable {
  readonly name: string;
  readonly value: string;
}
