import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { CfnParameter, CfnResource, Fn, NestedStack, Token, Validations } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { IGrantable, IPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

import { Code } from './code';
import { Parameters } from './parameters';

export { Code, Parameters };

export interface A2aLambdaProps extends Parameters {
  /** The functions' zips. */
  readonly code: Code;
  /** Another template than `infra/template.yaml`, such as a changed copy. */
  readonly templateFile?: string;
}

// The build copies it there, so that the package is whole.
const TEMPLATE = join(__dirname, '../template.yaml');
const RESOLVED_LATER = /^(\{\{resolve:|ssm:|secretsmanager:)/;

/**
 * a2a-lambda as a nested stack, whose template is `infra/template.yaml` as it is. So parameters may
 * be attributes of other resources, and CloudFormation checks them by the template's rules.
 *
 * Rights that are granted to the construct are those of the agent: of the role of sqs-executor.
 */
export class A2aLambda extends Construct implements IGrantable {
  /** The nested stack. */
  readonly stack: NestedStack;
  /** The template's resources, by their names in it. */
  readonly template: CfnInclude;
  /** Where clients reach the service. */
  readonly url: string;
  private executor?: IPrincipal;

  constructor(scope: Construct, id: string, props: A2aLambdaProps) {
    super(scope, id);
    const { code, templateFile = TEMPLATE, ...given } = props;
    this.stack = new NestedStack(this, 'Stack');
    this.template = new CfnInclude(this.stack, 'Template', { templateFile });
    keepUpdatePolicies(this.template);
    acknowledge(this.stack);

    const values: Record<string, string> = code.bind(this);
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) {
        const parameter = name.charAt(0).toUpperCase() + name.slice(1);
        values[parameter] = this.checked(name, parameter, String(value));
      }
    }
    // A new version is published where anything is new. The template looks at it only where
    // functions are called by versions.
    values.Revision ??= createHash('sha256')
      .update(JSON.stringify(this.stack.resolve([code.digests, values])))
      .digest('hex')
      .slice(0, 16);
    for (const [name, value] of Object.entries(values)) {
      this.stack.setParameter(name, value);
    }
    this.url = this.output('Url');
  }

  /** What an output of the template comes to, such as `TableName`. */
  output(name: string): string {
    this.template.getOutput(name); // Refuses one that is not there.
    return this.stack.nestedStackResource!.getAtt(`Outputs.${name}`).toString();
  }

  get grantPrincipal(): IPrincipal {
    this.executor ??= Role.fromRoleName(
      this.stack,
      'Executor',
      this.template.getResource('SqsExecutorRole').ref,
    ).grantPrincipal;
    return this.executor;
  }

  /** Refuses what CloudFormation would refuse later, and a secret that would be in plain text. */
  private checked(name: string, parameter: string, value: string): string {
    const declared = this.declared(name, parameter);
    if (Token.isUnresolved(value)) {
      return value;
    }
    if (declared.noEcho && value !== '' && !RESOLVED_LATER.test(value)) {
      throw new Error(
        `${name} would be in the template in plain text: give a reference to it, such as ` +
          '{{resolve:secretsmanager:NAME}}',
      );
    }
    const wrong = violation(declared, value);
    if (wrong) {
      throw new Error(`${name} ${wrong}${declared.noEcho ? '' : `; it is '${value}'`}`);
    }
    return value;
  }

  private declared(name: string, parameter: string): CfnParameter {
    try {
      return this.template.getParameter(parameter);
    } catch {
      throw new Error(`${name}: the template has no parameter ${parameter}`);
    }
  }
}

function violation(declared: CfnParameter, value: string): string | undefined {
  const { allowedValues, allowedPattern, minValue, maxValue, minLength, maxLength } = declared;
  const number = Number(value);
  const fits =
    (!allowedValues || allowedValues.map(String).includes(value)) &&
    (!allowedPattern || new RegExp(`^(?:${allowedPattern})$`).test(value)) &&
    (declared.type !== 'Number' ||
      // A function takes whole numbers only.
      (/^-?\d+$/.test(value) &&
        number >= (minValue ?? -Infinity) &&
        number <= (maxValue ?? Infinity))) &&
    value.length >= (minLength ?? 0) &&
    value.length <= (maxLength ?? Infinity);
  return fits ? undefined : (declared.constraintDescription ?? 'is not what the template takes');
}

/** CfnInclude does not know an `Fn::If` in an update policy, and writes its own fields of it. */
function keepUpdatePolicies(template: CfnInclude): void {
  for (const name of ['Request', 'SqsExecutor']) {
    const alias: CfnResource = template.getResource(`${name}Alias`);
    alias.addOverride('UpdatePolicy.CodeDeployLambdaAliasUpdate', {
      'Fn::If': [
        'HasCanary',
        {
          ApplicationName: { Ref: 'CodeDeploy' },
          DeploymentGroupName: { Ref: `${name}Deployments` },
        },
        { Ref: 'AWS::NoValue' },
      ],
    });
  }
}

/** CDK's own linter does not see that a parameter is empty only where nothing looks at it. */
function acknowledge(scope: Construct): void {
  const reasons: Record<string, string> = {
    F3033: 'An Fn::Split of a list that is empty is used in no case.',
    W1001: 'The outputs choose by the same conditions.',
    W1030: 'A parameter that is empty by default is used only where it is given.',
    W3011: 'Versions of functions are kept when they are replaced, and deleted with the stack.',
    W9052: 'cfn-lint checks the template itself.',
  };
  for (const [rule, reason] of Object.entries(reasons)) {
    Validations.of(scope).acknowledge({ id: `CloudFormation-Validate::${rule}`, reason });
  }
  const reason = 'The mappings are those of the template, as they are.';
  Validations.of(scope).acknowledge({ id: 'Annotation::info-annotation', reason });
}

/** For parameters that are lists: `subnetIds: commas(vpc.selectSubnets().subnetIds)`. */
export function commas(values: string[]): string {
  return Fn.join(',', values);
}
