// Reads { policies, requests } as JSON from standard input and prints the decision on each request, see iam.py.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const { policies, requests } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await Promise.all(requests.map(decide))));

async function decide({ principal, action, resource, context, identity, boundary, endpoint, resource_policy }) {
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: principal.split(":")[4] },
        contextVariables: context,
      },
      identityPolicies: named(identity),
      permissionBoundaryPolicies: boundary && named([boundary]),
      vpcEndpointPolicies: endpoint && named([endpoint]),
      resourcePolicy: policies[resource_policy],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  return answer.overallResult ?? JSON.stringify(answer.errors);
}

function named(names) {
  return names.map((name) => ({ name, policy: policies[name] }));
}
