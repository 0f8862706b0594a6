"""The GraphQL queries. The tests check each against GitHub's published schema."""

from __future__ import annotations

_LIMIT = "rateLimit { cost remaining resetAt }"
_PAGE = "pageInfo { hasNextPage endCursor }"
_ACTOR = "__typename login"
_EDITS = "lastEditedAt userContentEdits(first: 10) { nodes { editedAt deletedAt diff } }"

PULL_LISTING = f"""
query Listed($owner: String!, $name: String!, $after: String, $first: Int!) {{
  {_LIMIT}
  repository(owner: $owner, name: $name) {{
    nameWithOwner
    defaultBranchRef {{ name }}
    pullRequests(first: $first, after: $after, orderBy: {{field: UPDATED_AT, direction: ASC}}) {{
      {_PAGE}
      edges {{
        cursor
        node {{
          id number title updatedAt state merged body isCrossRepository authorAssociation
          author {{ {_ACTOR} }}
          labels(first: 20) {{ nodes {{ name }} }}
          commits(first: 1) {{ nodes {{ commit {{ message author {{ name email user {{ login }} }} }} }} }}
        }}
      }}
    }}
  }}
}}
"""
"""All pull requests, least recently updated first, so that an updated one moves behind the cursor again."""

COMMENT = f"id author {{ {_ACTOR} }} authorAssociation body createdAt publishedAt isMinimized minimizedReason {_EDITS}"
REVIEW = (
    f"id author {{ {_ACTOR} }} authorAssociation authorCanPushToRepository body createdAt submittedAt publishedAt"
    f" isMinimized minimizedReason state commit {{ oid }} {_EDITS}"
)
THREAD_COMMENT = (
    f"{COMMENT} path line originalLine outdated pullRequestReview {{ id authorCanPushToRepository }}"
    " originalCommit { oid }"
)
THREAD = f"id path line originalLine isResolved comments(first: 20) {{ {_PAGE} nodes {{ {THREAD_COMMENT} }} }}"
COMMIT = (
    "commit { oid message committedDate parents(first: 2) { totalCount }"
    " author { name email user { login } } committer { name email } statusCheckRollup { state } }"
)
_REVERTER = (
    "... on PullRequest { number title body merged mergedAt baseRefName mergeCommit { oid }"
    " repository { nameWithOwner } }"
)
EVENT = f"""
    __typename
    ... on ClosedEvent {{ id createdAt actor {{ {_ACTOR} }} }}
    ... on ReopenedEvent {{ id createdAt actor {{ {_ACTOR} }} }}
    ... on MergedEvent {{ id createdAt actor {{ {_ACTOR} }} }}
    ... on HeadRefForcePushedEvent {{
      id createdAt actor {{ {_ACTOR} }} beforeCommit {{ oid }} afterCommit {{ oid }}
    }}
    ... on MarkedAsDuplicateEvent {{
      id createdAt actor {{ {_ACTOR} }} canonical {{ ... on PullRequest {{ number }} ... on Issue {{ number }} }}
    }}
    ... on CrossReferencedEvent {{ id createdAt isCrossRepository source {{ __typename {_REVERTER} }} }}
"""
_EVENTS = (
    "[CLOSED_EVENT, REOPENED_EVENT, MERGED_EVENT, HEAD_REF_FORCE_PUSHED_EVENT, MARKED_AS_DUPLICATE_EVENT,"
    " CROSS_REFERENCED_EVENT]"
)
PULL_LISTS: dict[str, str] = {
    "comments": f"comments(first: $n, after: $after) {{ {_PAGE} nodes {{ {COMMENT} }} }}",
    "reviews": f"reviews(first: $n, after: $after) {{ {_PAGE} nodes {{ {REVIEW} }} }}",
    "reviewThreads": f"reviewThreads(first: $n, after: $after) {{ {_PAGE} nodes {{ {THREAD} }} }}",
    "commits": f"commits(first: $n, after: $after) {{ {_PAGE} nodes {{ {COMMIT} }} }}",
    "timelineItems": (
        f"timelineItems(first: $n, after: $after, itemTypes: {_EVENTS}) {{ {_PAGE} nodes {{ {EVENT} }} }}"
    ),
}
"""The lists of a pull request; each has its own pages."""


def _first_page_of(part: str) -> str:
    return PULL_LISTS[part].replace(", after: $after", "")


PULL_DETAILS = f"""
query Details($ids: [ID!]!, $n: Int!) {{
  {_LIMIT}
  nodes(ids: $ids) {{
    __typename
    ... on PullRequest {{
      id number title url state merged createdAt updatedAt closedAt mergedAt body
      baseRefName baseRefOid headRefOid isCrossRepository authorAssociation
      author {{ {_ACTOR} }}
      mergeCommit {{ oid message }}
      labels(first: 50) {{ nodes {{ name }} }}
      closingIssuesReferences(first: 10) {{
        nodes {{ number title url state stateReason repository {{ nameWithOwner }} }}
      }}
      {" ".join(_first_page_of(part) for part in PULL_LISTS)}
    }}
  }}
}}
"""
"""All plain fields of some pull requests, and the first page of each of their lists."""


def next_page_query(part: str) -> str:
    """Return the query for the next page of one list of a pull request."""
    return f"""
query More($id: ID!, $n: Int!, $after: String) {{
  {_LIMIT}
  node(id: $id) {{ ... on PullRequest {{ id {PULL_LISTS[part]} }} }}
}}
"""


NEXT_THREAD_PAGE = f"""
query MoreOfThread($id: ID!, $n: Int!, $after: String) {{
  {_LIMIT}
  node(id: $id) {{
    ... on PullRequestReviewThread {{
      id comments(first: $n, after: $after) {{ {_PAGE} nodes {{ {THREAD_COMMENT} }} }}
    }}
  }}
}}
"""
PULL_BY_NUMBER = """
query ByNumber($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef { name }
    pullRequest(number: $number) {
      id number title updatedAt state merged body isCrossRepository authorAssociation
      author { __typename login }
      labels(first: 20) { nodes { name } }
      commits(first: 1) { nodes { commit { message author { name email user { login } } } } }
    }
  }
}
"""
"""One pull request, with the fields of the listing."""
