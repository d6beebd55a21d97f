import type { IConstruct } from 'constructs';
import { checkedDatabase } from '../config/grants';
import type { ClusterModel, SecretModel } from '../config/manifests';
import type { RoleModel } from '../config/roles';
import type { ProfileModel, QuotaModel } from '../config/settings';
import type { UserModel } from '../config/users';
import { userDocument } from '../config/users';
import { at, ConstructError } from '../error';

/**
 * What has been declared for a cluster so far: the part of its model that is added after the cluster is defined.
 *
 * Each thing is checked when it is added, where the path of whoever added it is known; the manifest is rendered when the template is.
 */
export class Declarations {
  /** changes with every declaration. */
  public revision = 0;

  private readonly users: UserModel[] = [];
  private readonly secrets: Record<string, SecretModel> = {};
  private readonly roles: RoleModel[] = [];
  private readonly profiles: ProfileModel[] = [];
  private readonly quotas: QuotaModel[] = [];
  private readonly databases: string[] = [];
  private readonly taken = new Set<string>();

  public addDatabase(by: IConstruct, name: string): void {
    at(by, () => checkedDatabase(name));
    this.claim(by, 'database', name);
    this.databases.push(name);
  }

  public addRole(by: IConstruct, role: RoleModel): void {
    this.claim(by, 'role', role.name);
    this.roles.push(role);
  }

  public addProfile(by: IConstruct, profile: ProfileModel): void {
    this.claim(by, 'settings profile', profile.name);
    this.profiles.push(profile);
  }

  public addQuota(by: IConstruct, quota: QuotaModel): void {
    this.claim(by, 'quota', quota.name);
    this.quotas.push(quota);
  }

  /** A user; the secret is absent for one who logs in with a certificate only. */
  public addUser(by: IConstruct, user: UserModel, secret?: SecretModel): void {
    at(by, () => userDocument(user));
    this.claim(by, 'user', user.name);
    this.users.push(user);
    if (secret) this.secrets[user.name] = secret;
  }

  /** As the manifest wants it. */
  public model(): Pick<ClusterModel, 'users' | 'secrets' | 'roles' | 'profiles' | 'quotas' | 'databases'> {
    const { users, secrets, roles, profiles, quotas, databases } = this;
    return { users, secrets, roles, profiles, quotas, databases };
  }

  private claim(by: IConstruct, what: string, name: string): void {
    const key = `${what} ${name}`;
    if (this.taken.has(key)) throw new ConstructError('DuplicateName', `the ${what} '${name}' is declared twice for this cluster; rename one`, by);
    this.taken.add(key);
    this.revision += 1;
  }
}
