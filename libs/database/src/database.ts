import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Single statements outside any transaction, for what needs none: authentication, health checks, a worker's rescan. */
@Injectable()
export class Database {
  constructor(private readonly dataSource: DataSource) {}

  async query<Row = Record<string, unknown>>(sql: string, params: unknown[] = []): Promise<Row[]> {
    return (await this.dataSource.query(sql, params)) as Row[];
  }
}
